import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { patients } from '../../support/ndjson.ts';
import { startTestServer } from '../../support/test-server.ts';

const server = await startTestServer({ after });
const load = (bucket: string) => server.rpc('aidbox.bulk/load-from-bucket', { bucket: `s3://${bucket}` });

// Each test file is a process of its own, so its environment is nobody else's.
const { account } = server.s3;
Object.assign(process.env, {
  AWS_REGION: account.region,
  AWS_ENDPOINT_URL_S3: account.host,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/nonexistent',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
});

test('without account, and without credentials on the server either, the call says what is missing', async () => {
  const bucket = await server.bucketOf({ 'Patient.ndjson': patients(1) });
  const { status, body } = await load(bucket);
  assert.equal(status, 422);
  assert.equal(body.error?.code, 'InvalidAccount');
  assert.match(body.error?.message ?? '', /no AWS credentials found; give `account`, or set up the default chain/);
  assert.deepEqual(await server.sql('select from loaderfile'), []);
});

test('without account the server’s own credentials apply', async () => {
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: account['access-key-id'],
    AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
  });
  const bucket = await server.bucketOf({ 'Patient.ndjson': patients(3) });
  const { status } = await load(bucket);
  assert.equal(status, 200);
  assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
});

test('without account, and without a region on the server either, the call says so', async () => {
  delete process.env['AWS_REGION'];
  delete process.env['AWS_DEFAULT_REGION'];
  // Another timeout makes another S3 client: the one of the test before has its region.
  const bucket = await server.bucketOf({ 'Patient.ndjson': patients(1) });
  const { status, body } = await server.rpc('aidbox.bulk/load-from-bucket', {
    bucket: `s3://${bucket}`,
    'connect-timeout': 5_000,
  });
  assert.equal(status, 422);
  assert.equal(body.error?.code, 'NoRegion');
  assert.match(body.error?.message ?? '', /AWS_REGION/);
});
