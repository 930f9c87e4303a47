import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { patients } from '../support/ndjson.ts';
import type { S3Account } from '../support/s3-endpoint.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { runCli, startCli } from './run-cli.ts';

const timeout = 600_000;
const server = await startTestServer({ after });
const environment = (account: S3Account = server.s3.account) => ({
  FHIR_BUCKET_LOADER_URL: server.url,
  AWS_ACCESS_KEY_ID: account['access-key-id'],
  AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
  AWS_REGION: account.region,
  AWS_ENDPOINT_URL_S3: account.host,
});

test('load --dry-run prints tables, time and disk, and what is ignored; exit code 0', { timeout }, async () => {
  const bucket = await server.bucketOf({ 'Patient-1.ndjson.gz': patients(30), 'readme.txt': 'x' });
  const { code, stdout, stderr } = await runCli(['load', `s3://${bucket}`, '--dry-run'], environment());
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    /^Dry run of bucket <s3:\/\/[\w-]+>; nothing is queued or written\. 1 new file; 1 file would be loaded\./,
  );
  assert.match(
    stdout,
    /\nTYPE\tFILES\tSIZE\tRESOURCES\tTABLE\tSTATE\nPatient\t1\t\d+ B\t\?\tpublic\.patient\twill be created\n/,
  );
  assert.match(stdout, /\nTime: unknown\. No past load/);
  assert.match(stdout, /\nDisk: unknown needed, unknown free; the database has [\d.]+ MB\./);
  assert.match(stdout, /\nignored: readme\.txt: the name does not end in /);
  const status = await runCli(['status', `s3://${bucket}`], environment());
  assert.match(status.stderr, /was never loaded/);
});

test('load --dry-run --check-lines prints each fault; exit code 2', { timeout }, async () => {
  const bucket = await server.bucketOf({
    'Patient-1.ndjson': [{ id: 'a' }, { id: 'twin' }],
    'Patient-2.ndjson': '{"id":"twin"}\n{}\n',
  });
  const args = ['load', `s3://${bucket}`, '--dry-run', '--check-lines'];
  const { code, stdout } = await runCli(args, environment());
  assert.equal(code, 2);
  assert.match(stdout, /\nbad line: Patient-2\.ndjson: line 2: the resource has no "id"/);
  assert.match(stdout, /\nrepeated: Patient\/twin: Patient-1\.ndjson line 2, Patient-2\.ndjson line 1\n/);
  const json = await runCli([...args, '--json'], environment());
  assert.equal(JSON.parse(json.stdout)['dry-run'].lines['bad-lines-count'], 1);
});

test('an id in two files: exit code 2 where one of them would fail, or the key not come back', {
  timeout,
}, async () => {
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': [{ id: 'twin' }], 'Patient-2.ndjson': [{ id: 'twin' }] });
  const codes = [[], ['--upsert'], ['--max-errors', '1'], ['--drop-primary-key']].map(async (options) => {
    const args = ['load', `s3://${bucket}`, '--dry-run', '--check-lines', ...options];
    return (await runCli(args, environment())).code;
  });
  assert.deepEqual(await Promise.all(codes), [2, 0, 0, 2]);
});

test('Ctrl-C ends a dry run that reads files', { timeout }, async (t) => {
  const proxy = await S3FaultProxy.start(t, server.s3);
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(5) });
  proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'stall', afterBytes: 5 });
  const run = startCli(['load', `s3://${bucket}`, '--dry-run', '--check-lines'], environment(proxy.account));
  await waitFor(() => (proxy.made['stall'] ?? 0) > 0, { what: 'the read' });
  const kept = `select from pg_class where relname = 'seen_id' and relpersistence = 't'`;
  assert.equal((await server.sql(kept)).length, 1);
  run.child.kill('SIGINT');
  await run.ended;
  await waitFor(async () => (await server.sql(kept)).length === 0, { what: 'the end of the dry run' });
});

test('options that contradict a dry run are refused', { timeout }, async () => {
  for (const args of [['--dry-run', '--follow'], ['--dry-run', '--retry-failed'], ['--check-lines']]) {
    const { code, stderr } = await runCli(['load', 's3://any', ...args], environment());
    assert.equal(code, 1);
    assert.match(stderr, /--dry-run/);
  }
});
