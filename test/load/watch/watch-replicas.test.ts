import assert from 'node:assert/strict';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { APPLICATION_NAME } from '../../../src/store/connection-options.ts';
import { ndjson, patients } from '../../support/ndjson.ts';
import { startS3Endpoint } from '../../support/s3-endpoint.ts';
import { ServerProcess } from '../../support/server-process.ts';
import { createTestDatabase } from '../../support/test-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writeSettled } from '../../support/write-settled.ts';

const timeout = 600_000;
const root = await mkdtemp(join(tmpdir(), 'watched-'));
after(() => rm(root, { recursive: true }));
const env = { LOADER_FILE_ROOTS: root };

const database = await createTestDatabase({ after });
const s3 = await startS3Endpoint({ after });
const client = new pg.Client(database.connection);
// The database is dropped under it.
client.on('error', () => {});
await client.connect();
after(() => client.end());
const sql = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
  (await client.query<T>(text, values)).rows;

interface Replica {
  url: string;
}

async function rpc({ url }: Replica, method: string, params: object) {
  const response = await fetch(`${url}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ method, params }),
  });
  const { result, error } = (await response.json()) as {
    result?: { progress: Record<string, number>; watch?: { failures?: number; message?: string } };
    error?: { message: string };
  };
  if (result === undefined) throw new Error(error?.message);
  return result;
}

const startReplica = (t: TestContext) => ServerProcess.start(t, { databaseUrl: database.url, env });

async function folder() {
  const path = await mkdtemp(join(root, 'bucket-'));
  return {
    bucket: pathToFileURL(path).href,
    async put(key: string) {
      const whole = join(root, `${Math.random()}`);
      await writeSettled(whole, ndjson(patients(3, `${path.slice(-6)}-${key}`)));
      await rename(whole, join(path, key));
    },
  };
}

/** Listings that a replica has made of a bucket. */
async function listingsOf({ url }: Replica, bucket: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/fhir_loader_watch_listings_total\{bucket="([^"]*)",outcome="\w+"\} (\d+)/g)];
  return counts.filter(([, name]) => name === bucket).reduce((sum, [, , count]) => sum + Number(count), 0);
}

const untilDone = (bucket: string, files: number) =>
  waitFor(
    async () =>
      (
        await sql(`select from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`, [
          bucket,
        ])
      ).length === files,
    { what: `${files} files of ${bucket}` },
  );

/** The one replica that lists a bucket now. */
const holderOf = (replicas: readonly ServerProcess[], bucket: string) =>
  waitFor(
    async () => {
      const before = await Promise.all(replicas.map((replica) => listingsOf(replica, bucket)));
      const more = await waitFor(
        async () => {
          const now = await Promise.all(replicas.map((replica) => listingsOf(replica, bucket)));
          const grown = replicas.filter((_, at) => (now[at] ?? 0) > (before[at] ?? 0));
          return grown.length > 0 && grown;
        },
        { what: 'a listing' },
      );
      return more.length === 1 && more[0];
    },
    { what: 'the replica that lists' },
  );

async function bucketOf(resources: readonly object[]): Promise<string> {
  const name = await s3.createBucket();
  await s3.putObject(name, 'Patient-1.ndjson', ndjson(resources));
  return name;
}

const watchTable = 'select process from fhir_bucket_loader.bucket_watch where bucket = $1';

test('of three replicas one lists; when it is killed another takes over, and a restart of all goes on', {
  timeout,
}, async (t) => {
  const replicas = await Promise.all([startReplica(t), startReplica(t), startReplica(t)]);
  const [first] = replicas;
  const { bucket, put } = await folder();
  await put('Patient-1.ndjson');
  await rpc(first, 'fhir-bucket-loader/watch', { bucket, every: '1s' });
  await untilDone(bucket, 1);
  const holder = await holderOf(replicas, bucket);
  const idle = replicas.filter((replica) => replica !== holder);
  assert.deepEqual(await Promise.all(idle.map((replica) => listingsOf(replica, bucket))), [0, 0]);

  await holder.kill();
  const killedAt = performance.now();
  await put('Patient-2.ndjson');
  await untilDone(bucket, 2);
  t.diagnostic(`taken over ${Math.round(performance.now() - killedAt)} ms after a kill`);
  const second = await holderOf(idle, bucket);
  assert.ok(idle.includes(second));

  // One that shuts down in order leaves it at once, too.
  await second.terminate();
  await put('Patient-3.ndjson');
  await untilDone(bucket, 3);
  for (const replica of replicas) await replica.kill();
  await put('Patient-4.ndjson');
  await startReplica(t);
  await untilDone(bucket, 4);
  assert.deepEqual(await sql(watchTable, [bucket]), [{ process: null }]);
  const [rows] = await sql<{ rows: number; ids: number }>(
    'select count(*)::int as rows, count(distinct id)::int as ids from patient',
  );
  assert.deepEqual(rows, { rows: 12, ids: 12 });
});

test('all connections lost, as when Postgres restarts: the watch goes on', { timeout }, async (t) => {
  const replicas = await Promise.all([startReplica(t), startReplica(t)]);
  const { bucket, put } = await folder();
  await rpc(replicas[0], 'fhir-bucket-loader/watch', { bucket, every: '1s' });
  await holderOf(replicas, bucket);
  await sql(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and starts_with(application_name, $1)',
    [APPLICATION_NAME],
  );
  await put('Patient-1.ndjson');
  await untilDone(bucket, 1);
  await holderOf(replicas, bucket);
  for (const replica of replicas) assert.ok(replica.running);
});

test('with account it ends with its process: the others say so, and a new call watches again', {
  timeout,
}, async (t) => {
  const [first, second] = await Promise.all([startReplica(t), startReplica(t)]);
  const name = await bucketOf(patients(1, 'own'));
  const bucket = `s3://${name}`;
  const params = { bucket, every: '1s', account: s3.account };
  await rpc(first, 'fhir-bucket-loader/watch', params);
  await holderOf([first, second], bucket);
  assert.equal(await listingsOf(second, bucket), 0);
  const watchAt = async (replica: Replica) =>
    (await rpc(replica, 'aidbox.bulk/load-from-bucket-status', { bucket })).watch;
  assert.equal((await watchAt(second))?.message, undefined);
  await first.kill();
  const gone = await waitFor(async () => (await watchAt(second))?.message, {
    what: 'the end of the watch in the status',
  });
  assert.match(
    gone,
    /^Nobody lists the bucket: the process that had its credentials has ended.*Call fhir-bucket-loader\/watch again/,
  );
  await s3.putObject(name, 'Patient-2.ndjson', ndjson(patients(1, 'own-2')));
  await rpc(second, 'fhir-bucket-loader/watch', params);
  await untilDone(bucket, 2);
  assert.equal((await watchAt(second))?.message, undefined);
});

test('the server’s own credentials serve on S3 too, on another process', { timeout }, async (t) => {
  const { account } = s3;
  const own = {
    ...env,
    AWS_ACCESS_KEY_ID: account['access-key-id'],
    AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
    AWS_REGION: account.region,
    AWS_ENDPOINT_URL_S3: account.host,
  };
  const start = () => ServerProcess.start(t, { databaseUrl: database.url, env: own });
  const first = await start();
  const name = await bucketOf(patients(1, 'chain'));
  const bucket = `s3://${name}`;
  await rpc(first, 'fhir-bucket-loader/watch', { bucket, every: '1s' });
  await untilDone(bucket, 1);
  await first.kill();
  await s3.putObject(name, 'Patient-2.ndjson', ndjson(patients(1, 'chain-2')));
  await start();
  await untilDone(bucket, 2);
});

test('a replica that cannot list leaves it to another one, and the failure is over', { timeout }, async (t) => {
  const able = await startReplica(t);
  const { bucket, put } = await folder();
  await rpc(able, 'fhir-bucket-loader/watch', { bucket, every: '1s' });
  await able.kill();
  const unable = await ServerProcess.start(t, { databaseUrl: database.url, env: {} });
  const watchAt = async (replica: Replica) =>
    (await rpc(replica, 'aidbox.bulk/load-from-bucket-status', { bucket })).watch;
  // Alone, it tries again and again.
  await waitFor(async () => ((await watchAt(unable))?.failures ?? 0) >= 2, { what: 'two failures' });
  await startReplica(t);
  await put('Patient-1.ndjson');
  await untilDone(bucket, 1);
  await waitFor(async () => (await watchAt(unable))?.failures === undefined, { what: 'the end of the failures' });
  await rpc(unable, 'fhir-bucket-loader/unwatch', { bucket });
});
