import { CORE_SCHEMA, dump, load as parseYaml } from 'js-yaml';
import pg from 'pg';
import { readConfig } from '../../src/config.ts';
import { startServer } from '../../src/start-server.ts';
import { APPLICATION_NAME } from '../../src/store/connection-options.ts';
import { type Closing, lastFirst } from './last-first.ts';
import { lockWaitsOn } from './lock-waits.ts';
import { ndjson, ndjsonGzip } from './ndjson.ts';
import { type S3Endpoint, startS3Endpoint } from './s3-endpoint.ts';
import { createMigratedDatabase, type TestDatabase } from './test-database.ts';
import type { TestConnection } from './test-server-address.ts';
import { waitFor } from './wait-for.ts';

/** What `/rpc` answers to one request. */
export interface RpcBody {
  result?: unknown;
  error?: {
    message: string;
    method?: string;
    code?: string;
    errors?: { message: string; path: string; type: string }[];
  };
  jsonrpc?: unknown;
  id?: unknown;
}

/** The final answer of `aidbox.bulk/load-from-bucket-status`. */
export interface LoadStatus {
  state: string;
  progress: Record<string, number>;
  'lines-left-out'?: number;
  message?: string;
}

/** A LoaderFile as stored. */
export interface StoredLoaderFile {
  bucket: string;
  file: string;
  type: string;
  size: number;
  status: string;
  start?: string;
  end?: string;
  'last-modified'?: string;
  loaded?: number;
  created?: number;
  updated?: number;
  unchanged?: number;
  older?: number;
  deleted?: number;
  missing?: number;
  'lines-left-out'?: number;
  references?: { resolved: number; unresolved: Record<string, number>; ambiguous: Record<string, number> };
  message?: string;
  error?: { source: string; code: string };
}

export interface TestServer {
  url: string;
  s3: S3Endpoint;
  database: TestDatabase;
  /** Runs a statement on the server's database. */
  sql<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** One RPC call, by default as JSON. */
  rpc(method: string, params?: object, options?: { yaml?: boolean }): Promise<{ status: number; body: RpcBody }>;
  /** `load-from-bucket` of `s3://<bucket>` at the test's S3 endpoint, whatever it answers. */
  startLoad(bucket: string, params?: object): Promise<{ status: number; body: RpcBody }>;
  /** The same, then waits until the load has ended. Throws when the call itself is refused. */
  load(bucket: string, params?: object): Promise<LoadStatus>;
  /** Waits until the bucket is no longer `in-progress`. */
  ended(bucket: string): Promise<LoadStatus>;
  /** Waits until a session of the server waits for a lock that somebody else holds. */
  waitForLock(): Promise<void>;
  /**
   * Holds every load into this table, whose files then wait in their COPY, until `open` is called. Unlike a lock on the
   * table it lets indexes be dropped. `reached` waits until one file is held.
   */
  gate(t: Closing, table: string): Promise<{ reached(): Promise<void>; open(): Promise<void> }>;
  /** A connection of its own in an open transaction, which ends with `t` at the latest. */
  holdingTransaction(t: Closing): Promise<pg.Client>;
  /** A new bucket with these objects: resources become ndjson, gzipped where the key ends in `.gz`. */
  bucketOf(objects: Readonly<Record<string, readonly object[] | Buffer | string>>): Promise<string>;
  /** The LoaderFile of an object. */
  loaderFile(bucket: string, key: string): Promise<StoredLoaderFile>;
  /** Cuts all of the server's database connections, so that nothing of an orderly end reaches the database; closes. */
  crash(): Promise<void>;
  /** Closes the server alone; database and endpoint stay for another one. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** A load ends within this time, in ms, or the test fails. */
const LOAD_TIMEOUT_MS = 300_000;

/**
 * Starts the whole server on a free port, on a new database and a new S3 endpoint, and closes all of them after `t`.
 * @param options.env settings besides these
 * @param options.database a database to use instead of a new one; its creator drops it
 * @param options.s3 an endpoint to share with another server
 */
export async function startTestServer(
  t: Closing,
  options: { env?: Readonly<Record<string, string>>; database?: TestDatabase; s3?: S3Endpoint } = {},
): Promise<TestServer> {
  const parts = lastFirst(t);
  const database = options.database ?? (await createMigratedDatabase(parts));
  const s3 = options.s3 ?? (await startS3Endpoint(parts));
  const server = await startServer(
    readConfig({
      DATABASE_URL: database.url,
      BOX_WEB_PORT: '0',
      S3_ALLOW_PRIVATE_HOSTS: 'true',
      LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
      LOADER_SHUTDOWN_GRACE_MS: '0',
      ...options.env,
    }),
  );
  parts.after(() => server.close());
  const client = new pg.Client(database.connection);
  // Where servers share a database, the one that created it drops it under the others' connections.
  client.on('error', () => {});
  await client.connect();
  parts.after(() => client.end());
  return {
    ...clientOf(server.url, s3, client, database.connection),
    database,
    async crash() {
      const terminate = () =>
        client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and starts_with(application_name, $1)`,
          [APPLICATION_NAME],
        );
      await terminate();
      await server.close();
      await waitFor(async () => (await terminate()).rowCount === 0, { what: 'the end of all connections' });
    },
    stop: () => server.close(),
    close: () => parts.close(),
  };
}

function clientOf(
  url: string,
  s3: S3Endpoint,
  client: pg.Client,
  connection: TestConnection,
): Omit<TestServer, 'database' | 'crash' | 'stop' | 'close'> {
  const rpc: TestServer['rpc'] = async (method, params, { yaml = false } = {}) => {
    const request = { method, ...(params === undefined ? {} : { params }) };
    const type = yaml ? 'text/yaml' : 'application/json';
    const response = await fetch(`${url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': type, accept: type },
      body: yaml ? dump(request) : JSON.stringify(request),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: (yaml ? parseYaml(text, { schema: CORE_SCHEMA }) : JSON.parse(text)) as RpcBody,
    };
  };
  const startLoad: TestServer['startLoad'] = (bucket, params) =>
    rpc('aidbox.bulk/load-from-bucket', { bucket: `s3://${bucket}`, account: s3.account, ...params });
  const ended: TestServer['ended'] = (bucket) =>
    waitFor(
      async () => {
        const { body } = await rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
        if (body.error !== undefined) throw new Error(body.error.message);
        const status = body.result as LoadStatus;
        return status.state !== 'in-progress' && status;
      },
      { timeoutMs: LOAD_TIMEOUT_MS, what: `the end of the load of ${bucket}` },
    );
  const sql: TestServer['sql'] = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    (await client.query<T>(text, values)).rows;
  return {
    url,
    s3,
    sql,
    rpc,
    startLoad,
    ended,
    async load(bucket, params) {
      const { status, body } = await startLoad(bucket, params);
      if (status !== 200) throw new Error(`load-from-bucket answered ${status}: ${JSON.stringify(body)}`);
      return await ended(bucket);
    },
    async waitForLock() {
      const waiting = `select from pg_locks l join pg_stat_activity a using (pid)
                        where not l.granted and l.locktype <> 'advisory' and a.datname = current_database()`;
      await waitFor(async () => (await sql(waiting)).length > 0, { what: 'a session that waits for a lock' });
    },
    async gate(t, table) {
      const name = `gate_of_${table.replace('.', '_')}`;
      await sql(`
        create table if not exists ${name} ();
        create or replace function ${name}() returns trigger language plpgsql as
          $$ begin lock table ${name} in share mode; return null; end $$;
        create or replace trigger ${name} before insert on ${table} execute function ${name}()`);
      const holder = new pg.Client(connection);
      // As above: the database may be dropped before this is closed.
      holder.on('error', () => {});
      await holder.connect();
      t.after(() => holder.end());
      await holder.query(`begin; lock table ${name} in exclusive mode`);
      return {
        async reached() {
          const held = lockWaitsOn(name);
          await waitFor(async () => (await sql(held)).length > 0, { what: `a file at the gate of ${table}` });
        },
        async open() {
          await holder.query('rollback');
        },
      };
    },
    async holdingTransaction(t) {
      const holder = new pg.Client(connection);
      // As above: the database may be dropped before this is closed.
      holder.on('error', () => {});
      await holder.connect();
      t.after(() => holder.end());
      await holder.query('begin');
      return holder;
    },
    async bucketOf(objects) {
      const bucket = await s3.createBucket();
      for (const [key, content] of Object.entries(objects)) await s3.putObject(bucket, key, bytesOf(key, content));
      return bucket;
    },
    async loaderFile(bucket, key) {
      const rows = await sql<{ resource: StoredLoaderFile }>(
        `select resource from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'file' = $2`,
        [`s3://${bucket}`, key],
      );
      if (rows[0] === undefined || rows.length > 1) throw new Error(`${rows.length} LoaderFiles for ${bucket}/${key}`);
      return rows[0].resource;
    },
  };
}

function bytesOf(key: string, content: readonly object[] | Buffer | string): Buffer | string {
  if (typeof content === 'string' || Buffer.isBuffer(content)) return content;
  return key.endsWith('.gz') ? ndjsonGzip(content as readonly object[]) : ndjson(content as readonly object[]);
}
