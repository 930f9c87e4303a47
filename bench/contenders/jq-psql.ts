import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { atOnce } from '../../src/indexes/at-once.ts';
import { quotedTable } from '../../src/store/resource-tables.ts';
import type { BenchData } from '../dataset/bench-data.ts';
import { endedChildrenCpuSeconds } from '../process/proc-stat.ts';
import type { Contender, RunFigures } from './contender.ts';
import { inLoaderOrder } from './server-copy.ts';

const JQ = `[1, "created", .id, (del(.id, .resourceType) | tojson)] | @csv`;
const PIPE = `set -o pipefail; gunzip -c "$1" | jq -r '${JQ}' | psql -qX -v ON_ERROR_STOP=1 -c "$2"`;

/** Why the shell pipe cannot run on this machine, or undefined. */
export function whyNoJqPsql(): string | undefined {
  const missing = ['gunzip', 'jq', 'psql'].filter((program) => spawnSync(program, ['--version']).status !== 0);
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed`;
}

/** What one would write in a shell: gunzip, jq and psql's COPY, several files at a time, from local files. */
export function jqPsql(name: string, data: BenchData, floor: string): Contender {
  return {
    name,
    what: 'gunzip | jq | psql COPY, from local files',
    data,
    compression: 'pglz',
    floor,
    async run({ database, threads }): Promise<RunFigures> {
      const cpuBefore = endedChildrenCpuSeconds();
      const started = performance.now();
      await atOnce(threads, inLoaderOrder(data.files), async ({ type, gzipPath }) => {
        const copy = `copy ${quotedTable(type)} (txid, status, id, resource) from stdin (format csv)`;
        const child = spawn('bash', ['-c', PIPE, 'bash', gzipPath, copy], {
          env: { ...process.env, PGOPTIONS: '-c synchronous_commit=off', ...libpqVariables(database.address) },
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        const [code] = await once(child, 'exit');
        if (code !== 0) throw new Error(`gunzip | jq | psql of ${gzipPath} ended with ${code}`);
      });
      return { wallS: (performance.now() - started) / 1000, cpuS: endedChildrenCpuSeconds() - cpuBefore };
    },
  };
}

function libpqVariables(address: { host: string; port: number; user: string; database: string; password?: string }) {
  return {
    PGHOST: address.host,
    PGPORT: String(address.port),
    PGUSER: address.user,
    PGDATABASE: address.database,
    ...(address.password === undefined ? {} : { PGPASSWORD: address.password }),
  };
}
