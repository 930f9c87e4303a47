import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import { createCitusDatabase } from '../support/citus-database.ts';
import type { Closing } from '../support/last-first.ts';
import type { TestConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';

/** Postgres itself is killed, never the machine: what is in the page cache is safe. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', max_wal_size: '1GB', shared_buffers: '128MB' };

/** The nodes of the matrix' database. */
export interface MatrixDatabase {
  /** The coordinator, or the only node. */
  connection: TestConnection;
  /** Where data connections go: workers of Citus, or the only node, which stands in for them. */
  workers: readonly TestConnection[];
  /** Restarts a node, losing what it is at: 0 is the coordinator, or the only one. */
  restart(node: number): Promise<void>;
}

/** An embedded Postgres of its own. */
export async function startMatrixPostgres(closing: Closing): Promise<MatrixDatabase> {
  const dataFolder = await mkdtemp(join(process.getuid?.() === 0 ? '/tmp' : tmpdir(), 'matrix-'));
  closing.after(() => rm(dataFolder, { recursive: true, force: true }));
  await chmod(dataFolder, 0o755);
  const postgres = await startEmbeddedPostgres({ dataFolder, settings: SETTINGS });
  closing.after(() => postgres.stop());
  const { connection } = postgres;
  return { connection, workers: [connection], restart: () => postgres.restart({ mode: 'immediate' }) };
}

/**
 * A schema on the Citus of TEST_CITUS_URL, whose nodes TEST_CITUS_RESTART restarts at once: a command that gets the node's
 * number in pg_dist_node's order as its last argument.
 */
export async function openMatrixCitus(closing: Closing): Promise<MatrixDatabase> {
  const command = process.env['TEST_CITUS_RESTART'];
  if (command === undefined)
    throw new Error('TEST_CITUS_RESTART is not set: a command that restarts the node of a number');
  const { connection } = await createCitusDatabase(closing);
  const nodes = await ask<{ host: string; port: number }>(
    connection,
    'select nodename as host, nodeport as port from pg_dist_node where groupid <> 0 order by nodeid',
  );
  const workers = nodes.map((place) => ({ ...connection, ...place }));
  return {
    connection,
    workers,
    async restart(node) {
      await promisify(execFile)('sh', ['-c', `${command} ${node}`]);
      const at = node === 0 ? connection : workers[node - 1];
      if (at === undefined) throw new RangeError(`there is no node ${node}`);
      await waitFor(
        () =>
          ask(at, 'select 1')
            .then(() => true)
            .catch(() => false),
        { what: `node ${node}` },
      );
    },
  };
}

async function ask<T extends pg.QueryResultRow>(at: TestConnection, query: string): Promise<T[]> {
  const client = new pg.Client(at);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<T>(query)).rows;
  } finally {
    await client.end();
  }
}
