import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ndjson, patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { runCli } from './run-cli.ts';

const timeout = 600_000;
const server = await startTestServer({ after });
const { account } = server.s3;
const env = {
  FHIR_BUCKET_LOADER_URL: server.url,
  AWS_ACCESS_KEY_ID: account['access-key-id'],
  AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
  AWS_REGION: account.region,
  AWS_ENDPOINT_URL_S3: account.host,
};

test('watch goes on loading, status shows the next listing, unwatch ends it', { timeout }, async () => {
  const name = await server.bucketOf({ 'a/Patient-1.ndjson': patients(1, 'cli'), 'b/Patient.ndjson': 'no json' });
  const bucket = `s3://${name}`;
  const watch = await runCli(['watch', bucket, '--every', '1s', '--prefix', 'a/', '--upsert'], env);
  assert.deepEqual([watch.code, watch.stderr], [0, '']);
  assert.match(
    watch.stdout,
    /1 new files added\. From now on the bucket is listed every 1s\. Its credentials are only in the memory/,
  );
  await server.s3.putObject(name, 'a/Patient-2.ndjson', ndjson(patients(1, 'cli-2')));
  await waitFor(
    async () => (await server.sql(`select from loaderfile where resource ->> 'status' = 'done'`)).length === 2,
    { what: 'both files' },
  );
  const status = await runCli(['status', bucket], env);
  assert.match(status.stdout, /\nListed every 1s, next at \d{4}-\d\d-\d\dT[\d:.]+Z\.\n/);
  const unwatch = await runCli(['unwatch', bucket], env);
  assert.deepEqual(
    [unwatch.code, unwatch.stdout],
    [0, `Bucket <${bucket}> is no longer watched. A load in progress goes on.\n`],
  );
  assert.doesNotMatch((await runCli(['status', bucket], env)).stdout, /Listed every/);
  assert.equal((await runCli(['unwatch', bucket], env)).code, 4);
});

test('watch wants a pace, and says which', { timeout }, async () => {
  const missing = await runCli(['watch', 's3://any'], env);
  assert.deepEqual([missing.code, /required option '--every <time>'/.test(missing.stderr)], [1, true]);
  const wrong = await runCli(['watch', 's3://any', '--every', 'hourly'], env);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /every: must be a time such as 30s, 15m, 1h or 1d, up to 7d/);
});
