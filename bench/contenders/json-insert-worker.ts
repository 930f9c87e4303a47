/** Loads the files that its parent names, in a process of its own so that its CPU time and memory can be told. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type pg from 'pg';
import { atOnce } from '../../src/indexes/at-once.ts';
import { connectClient, type DatabaseAddress } from '../../src/store/connection-options.ts';
import { quotedTable } from '../../src/store/resource-tables.ts';
import type { RunFigures } from './contender.ts';

export interface JsonInsertJob {
  address: DatabaseAddress;
  files: readonly { type: string; gzipPath: string }[];
  threads: number;
}

const ROWS_PER_INSERT = 500;

process.on('message', async (job: JsonInsertJob) => {
  const clients = await Promise.all(Array.from({ length: job.threads }, () => connectClient(job.address)));
  const idle = [...clients];
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  await atOnce(job.threads, job.files, async ({ type, gzipPath }) => {
    const client = idle.pop();
    if (client === undefined) throw new Error('more slots than connections');
    await client.query('begin; set local synchronous_commit = off');
    await insertFile(client, type, gzipPath);
    await client.query('commit');
    idle.push(client);
  });
  const { user, system } = process.cpuUsage(cpuBefore);
  process.send?.({
    wallS: (performance.now() - started) / 1000,
    cpuS: (user + system) / 1e6,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  } satisfies RunFigures);
  await Promise.all(clients.map((client) => client.end()));
});

async function insertFile(client: pg.Client, type: string, gzipPath: string): Promise<void> {
  let values: string[] = [];
  for await (const line of createInterface({ input: createReadStream(gzipPath).pipe(createGunzip()) })) {
    const { id, resourceType: _resourceType, ...resource } = JSON.parse(line);
    values.push(id, JSON.stringify(resource));
    if (values.length < 2 * ROWS_PER_INSERT) continue;
    await insert(client, type, values);
    values = [];
  }
  if (values.length > 0) await insert(client, type, values);
}

async function insert(client: pg.Client, type: string, values: readonly string[]): Promise<void> {
  const rows = Array.from({ length: values.length / 2 }, (_, n) => `(1, 'created', $${2 * n + 1}, $${2 * n + 2})`);
  await client.query(`insert into ${quotedTable(type)} (txid, status, id, resource) values ${rows.join(', ')}`, [
    ...values,
  ]);
}
