import pg from 'pg';
import { connectClient, type DatabaseAddress } from '../../src/store/connection-options.ts';
import { migrate } from '../../src/store/migrate.ts';
import { connectionFromUrl, urlFromConnection } from '../../test/support/test-server-address.ts';
import { limitMemory } from '../process/limit-memory.ts';
import { startPostgres } from './start-postgres.ts';

/** The database that a bench loads into: its own, on one of three kinds of server. */
export interface BenchDatabase {
  readonly address: DatabaseAddress;
  /** DATABASE_URL for a server process. */
  readonly url: string;
  /** `PostgreSQL 18.4`, and which of the three. */
  readonly label: string;
  /** Whether the server can compress large values with lz4. */
  readonly hasLz4: boolean;
  /** Process id of the postmaster, where the server runs on this machine. */
  readonly pid: number | undefined;
  /** Connection for what happens between two runs. */
  readonly client: pg.Client;
  close(): Promise<void>;
}

/** What both the benches and the floor rely on; a run must not meet the autovacuum of the run before. */
const SETTINGS = { autovacuum: 'off' };

/** Postgres's own memory where all of it, file pages included, is limited: a quarter, and a sixteenth for an index. */
function settingsFor(memory: number): Record<string, string> {
  return { shared_buffers: `${Math.round(memory / 4)}MB`, maintenance_work_mem: `${Math.round(memory / 16)}MB` };
}

/**
 * Starts the embedded Postgres, or the one whose programs lie in `bin`, on a new cluster in the temporary folder; or
 * uses the server of BENCH_DATABASE_URL as it is. Creates a database there, migrates it, drops it at the end.
 * @param memory what Postgres and its file pages may take, in MB; undefined for all that the machine has
 */
export async function openBenchDatabase({
  bin,
  memory,
  settings: more = {},
}: {
  bin?: string | undefined;
  memory?: number | undefined;
  settings?: Readonly<Record<string, string>> | undefined;
} = {}): Promise<BenchDatabase> {
  const url = process.env['BENCH_DATABASE_URL'];
  if (url !== undefined && bin !== undefined)
    throw new Error('BENCH_DATABASE_URL is used as it is: leave --postgres out');
  if (url !== undefined && memory !== undefined) throw new Error('the memory of BENCH_DATABASE_URL cannot be limited');
  const settings = { ...SETTINGS, ...more, ...(memory === undefined ? {} : settingsFor(memory)) };
  const server = url === undefined ? await startPostgres(bin, settings) : undefined;
  const removeLimit = memory === undefined || server?.pid === undefined ? undefined : limitMemory(server.pid, memory);
  const base = server?.connection ?? connectionFromUrl(url ?? '');
  const database = `fhir_bench_${process.pid}`;
  await onServer(base, `create database ${database} template template0 encoding 'UTF8'`);
  const address = { ...base, database };
  await migrate(address);
  const client = await connectClient(address);
  const { rows } = await client.query<{ version: string; lz4: boolean; pid: number }>(
    `select current_setting('server_version') as version, pg_backend_pid() as pid,
            exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)) as lz4`,
  );
  const kind = url !== undefined ? 'BENCH_DATABASE_URL' : (bin ?? 'embedded');
  return {
    address,
    url: urlFromConnection(address),
    label: `PostgreSQL ${rows[0]?.version} (${kind})${memory === undefined ? '' : ` in ${memory} MB of memory`}`,
    hasLz4: rows[0]?.lz4 === true,
    pid: server?.pid,
    client,
    async close() {
      await client.end();
      await onServer(base, `drop database if exists ${database} with (force)`);
      await server?.stop();
      removeLimit?.();
    },
  };
}

async function onServer(connection: pg.ClientConfig, statement: string): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
