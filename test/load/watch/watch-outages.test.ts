import assert from 'node:assert/strict';
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../../src/embedded-postgres/start-embedded-postgres.ts';
import { ndjson } from '../../support/ndjson.ts';
import { ServerProcess } from '../../support/server-process.ts';
import { urlFromConnection } from '../../support/test-server-address.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writeSettled } from '../../support/write-settled.ts';

const timeout = 600_000;
const root = join(process.getuid?.() === 0 ? '/tmp' : tmpdir(), 'watch-outage-');

interface Watch {
  failures?: number;
  message?: string;
}

/** A Postgres that can be restarted, a folder, and replicas that watch it. */
async function startParts(t: TestContext) {
  const home = await mkdtemp(root);
  await chmod(home, 0o755);
  const dataFolder = join(home, 'postgres');
  const postgres = await startEmbeddedPostgres({ dataFolder, settings: { fsync: 'off' } });
  t.after(async () => {
    await postgres.stop();
    await rm(home, { recursive: true, force: true });
  });
  const databaseUrl = urlFromConnection(postgres.connection);
  const folder = await mkdtemp(join(home, 'bucket-'));
  const bucket = pathToFileURL(folder).href;
  const sql = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) => {
    const client = new pg.Client(postgres.connection);
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query<T>(text, values)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  };
  const replicas: ServerProcess[] = [];
  return {
    postgres,
    bucket,
    sql,
    replicas,
    async startReplica(env: Readonly<Record<string, string>> = {}) {
      const replica = await ServerProcess.start(t, { databaseUrl, env: { LOADER_FILE_ROOTS: home, ...env } });
      replicas.push(replica);
      return replica;
    },
    async put(n: number, version = 1) {
      const whole = join(home, 'whole');
      const lines = Array.from({ length: 50 }, (_, id) => ({ id: `p-${n}-${id}`, language: `v${version}` }));
      await writeSettled(whole, ndjson(lines));
      await rename(whole, join(folder, `Patient-${n}.ndjson`));
    },
    /** Waits until all files are loaded, and each row is there once and in its last version. */
    async untilLoaded(files: number, version = 1) {
      // There is no table before the first file, and no Postgres while it restarts.
      const loaded = async () =>
        await sql<{ rows: number }>(`select count(*)::int as rows from patient where resource ->> 'language' = $1`, [
          `v${version}`,
        ]).catch(() => []);
      await waitFor(async () => (await loaded())[0]?.rows === 50 * files, { what: `${files} files` });
      assert.deepEqual(
        await sql(`select resource ->> 'file' from loaderfile where resource ->> 'status' <> 'done'`),
        [],
      );
    },
    async watchAt(replica: ServerProcess) {
      const { body } = await replica.rpc('load-from-bucket-status', { bucket });
      return (body.result as { watch?: Watch } | undefined)?.watch;
    },
    /** The process id of the backend that holds the watch. */
    async holder() {
      const found = await waitFor(
        async () => {
          const rows = await sql<{ pid: number }>(
            `select pid from pg_locks l where l.locktype = 'advisory'
                    and l.database = (select oid from pg_database where datname = current_database())
                    and ((l.classid::bigint << 32) | l.objid::bigint) =
                    hashtextextended('fhir-bucket-loader watch ' || 'loaderfile'::regclass::oid || ' ' || $1::text, 0)`,
            [bucket],
          );
          return rows.length === 1 && rows[0]?.pid;
        },
        { what: 'one replica that lists' },
      );
      return found;
    },
  };
}

/** Listings that a replica has made. */
async function listingsOf({ url }: ServerProcess): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const counts = metrics.matchAll(/^fhir_loader_watch_listings_total\{[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The one of these replicas that lists now. */
async function lister(replicas: readonly ServerProcess[]): Promise<ServerProcess> {
  const before = await Promise.all(replicas.map(listingsOf));
  return await waitFor(
    async () => {
      const now = await Promise.all(replicas.map(listingsOf));
      const grown = replicas.filter((_, at) => (now[at] ?? 0) >= (before[at] ?? 0) + 2);
      assert.ok(grown.length <= 1, `${grown.length} replicas list at once`);
      return grown[0];
    },
    { what: 'a replica that lists' },
  );
}

const WATCH = { every: '1s', 'upsert?': true, 'history?': true, 'reload-changed?': true };

test('Postgres crashes and is down for a while under a watch: no replica ends, and what came meanwhile is loaded once', {
  timeout,
}, async (t) => {
  const { postgres, bucket, replicas, startReplica, put, untilLoaded, sql } = await startParts(t);
  await Promise.all([startReplica(), startReplica(), startReplica()]);
  await put(1);
  const [first] = replicas as [ServerProcess];
  assert.equal((await first.rpc('fhir-bucket-loader/watch', { bucket, ...WATCH })).status, 200);
  await untilLoaded(1);
  await postgres.restart({ mode: 'immediate' });
  await put(2);
  await untilLoaded(2);

  await postgres.kill();
  await put(1, 2);
  await put(2, 2);
  const isNoticed = ({ log }: ServerProcess) =>
    log.filter(({ msg }) => msg === 'watched buckets cannot be looked after now').length > 0;
  await waitFor(() => replicas.every(isNoticed), { what: 'replicas that miss Postgres' });
  await postgres.restart({ mode: 'fast' });
  await untilLoaded(2, 2);
  await lister(replicas);
  for (const replica of replicas) assert.ok(replica.running);
  const [history] = await sql(
    `select count(*)::int as versions, count(distinct id)::int as ids, bool_and(h.txid < p.txid) as rising
       from patient_history h join patient p using (id)`,
  );
  assert.deepEqual(history, { versions: 100, ids: 100, rising: true });
});

test('a replica that hangs keeps the watch, the status names its backend; once that is ended another one lists, and only that', {
  timeout,
}, async (t) => {
  const { bucket, replicas, startReplica, put, untilLoaded, watchAt, sql, holder } = await startParts(t);
  await Promise.all([startReplica(), startReplica()]);
  const [first] = replicas as [ServerProcess];
  await put(1);
  await first.rpc('fhir-bucket-loader/watch', { bucket, ...WATCH });
  await untilLoaded(1);
  const frozen = await lister(replicas);
  const others = replicas.filter((replica) => replica !== frozen);
  const [other] = others as [ServerProcess];
  const backend = await holder();
  frozen.freeze();
  t.after(async () => frozen.thaw());
  await put(2);
  assert.equal((await watchAt(other))?.message, undefined);
  // As it is after an hour.
  await sql(`update fhir_bucket_loader.bucket_watch set next_listing_at = clock_timestamp() - interval '1 hour'`);
  const { message = '' } = (await watchAt(other)) ?? {};
  const said = /^The listing is overdue by 36\d\d s: .* backend (\d+) .*pg_terminate_backend\((\d+)\)\.$/.exec(message);
  assert.deepEqual(said?.slice(1), [String(backend), String(backend)], message);
  await sql('select pg_terminate_backend($1)', [backend]);
  await untilLoaded(2);
  assert.equal((await watchAt(other))?.message, undefined);
  frozen.thaw();
  await waitFor(() => listingsOf(frozen), { what: 'the replica that is back' });
  assert.equal(await lister(replicas), other);
  await put(1, 2);
  await put(2, 2);
  await untilLoaded(2, 2);
  assert.deepEqual(await sql('select count(*)::int as versions from patient_history'), [{ versions: 100 }]);
});

test('replicas of different settings: whoever lists loads as the call said, and an outage of the store is tried again within minutes', {
  timeout,
}, async (t) => {
  const { bucket, startReplica, put, untilLoaded, sql, watchAt } = await startParts(t);
  const first = await startReplica({ LOADER_FORMAT: 'fhir', FHIR_VERSION: 'r4' });
  await put(1);
  await first.rpc('fhir-bucket-loader/watch', { bucket, ...WATCH, 'keep-last-updated?': true });
  await untilLoaded(1);
  await first.kill();
  // keep-last-updated? contradicts its own format.
  const second = await startReplica({ LOADER_FORMAT: 'as-is', FHIR_VERSION: 'r5' });
  await put(2);
  await untilLoaded(2);
  const used = await sql(`select distinct resource ? 'id' as "as-is" from patient`);
  assert.deepEqual(used, [{ 'as-is': false }]);
  // The next listing is a day away, and the folder is gone when it comes.
  await second.kill();
  await sql(
    `update fhir_bucket_loader.bucket_watch set every = '1d', next_listing_at = clock_timestamp(), params = params || '{"every": "1d"}'`,
  );
  const third = await startReplica({ LOADER_FILE_ROOTS: '' });
  const failed = await waitFor(async () => ((await watchAt(third))?.failures ?? 0) > 0 && (await watchAt(third)), {
    what: 'a listing that fails',
  });
  assert.match(failed.message ?? '', /LOADER_FILE_ROOTS/);
  const [next] = await sql<{ seconds: number }>(
    'select extract(epoch from next_listing_at - listed_at)::int as seconds, failures from fhir_bucket_loader.bucket_watch',
  );
  const waits = await sql<{ seconds: number }>(
    'select extract(epoch from next_listing_at - clock_timestamp())::int as seconds from fhir_bucket_loader.bucket_watch',
  );
  assert.ok((waits[0]?.seconds ?? 0) <= 60, JSON.stringify([next, waits]));
});
