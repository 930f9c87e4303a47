import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { after, type TestContext, test } from 'node:test';
import { patients } from '../support/ndjson.ts';
import { programEnvironment } from '../support/program-environment.ts';
import { type S3Account, startS3Endpoint } from '../support/s3-endpoint.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { CLI, runCli, startCli } from './run-cli.ts';

const timeout = 600_000;
const server = await startTestServer({ after });

function environment({ url }: Pick<TestServer, 'url'>, account: S3Account = server.s3.account): Record<string, string> {
  return {
    FHIR_BUCKET_LOADER_URL: url,
    AWS_ACCESS_KEY_ID: account['access-key-id'],
    AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
    AWS_REGION: account.region,
    AWS_ENDPOINT_URL_S3: account.host,
  };
}

/** A bucket whose bytes come so slowly that its load goes on until the rule is changed. */
async function slowBucket(t: TestContext, on: TestServer) {
  const proxy = await S3FaultProxy.start(t, on.s3);
  const large = patients(100, 'slow').map((each) => ({ ...each, text: randomBytes(1500).toString('base64') }));
  const bucket = await on.bucketOf({ 'Patient-slow.ndjson.gz': large });
  proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'trickle', chunkBytes: 50, everyMs: 50 });
  return { proxy, bucket, env: environment(on, proxy.account) };
}

test('load --follow writes plain lines where nobody sees a terminal, and ends with 0', { timeout }, async () => {
  const bucket = await server.bucketOf({
    'Patient-1.ndjson.gz': patients(30, 'plain-a'),
    'Patient-2.ndjson.gz': patients(20, 'plain-b'),
  });
  const { code, stdout, stderr } = await runCli(['load', `s3://${bucket}`, '--follow'], environment(server));
  assert.deepEqual([code, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines[0], `Upload from bucket <s3://${bucket}> started. 2 new files added.`);
  assert.match(lines.at(-2) ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z completed, 100 % of \d+ B, 2 of 2 files, 50 resources$/);
  assert.match(lines.at(-1) ?? '', /^Ended after \d+ s\.$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
  assert.doesNotMatch(stdout, /\u001B/);
});

test('lines left out by --max-errors are told, and exit code 5', { timeout }, async () => {
  const bucket = await server.bucketOf({ 'Patient.ndjson': '{"id":"left-out-1"}\n{}\n{"id":"left-out-2"}\noops\n' });
  const load = await runCli(['load', `s3://${bucket}`, '--follow', '--max-errors', '5'], environment(server));
  assert.equal(load.code, 5);
  assert.match(load.stdout, /completed, .* 1 of 1 file, 2 resources, 2 lines left out\n/);
  assert.match(load.stdout, /\n2 lines left out \(max-errors\); GET \/LoaderError\?bucket=s3:\/\//);
  const status = await runCli(['status', `s3://${bucket}`], environment(server));
  assert.deepEqual([status.code, /2 lines left out/.test(status.stdout)], [5, true]);
});

test('a failed file is exit code 2; files, retry and the next load mend it', { timeout }, async () => {
  const bucket = await server.bucketOf({
    'Patient-good.ndjson': patients(3, 'mend'),
    'sub/Patient-bad.ndjson': '{"resourceType":"Patient"}',
  });
  const env = environment(server);
  const load = await runCli(['load', `s3://${bucket}`, '--follow'], env);
  assert.equal(load.code, 2);
  assert.match(load.stdout, /completed, .* 1 of 2 files \(1 failed\), 3 resources/);
  assert.match(load.stdout, /1 file failed:\n {2}sub\/Patient-bad\.ndjson: line 1: /);
  assert.equal((await runCli(['status', `s3://${bucket}`], env)).code, 2);

  const files = await runCli(['files', `s3://${bucket}`], env);
  assert.equal(files.code, 0);
  assert.match(files.stdout, /^STATUS\tFILE\tTYPE\tSIZE\tRESOURCES\tMESSAGE\ndone\tPatient-good/);
  assert.match(files.stdout, /^error\tsub\/Patient-bad\.ndjson\tPatient\t26 B\t\tline 1: .*\n$/m);
  const failed = await runCli(['files', `s3://${bucket}`, '--failed', '--json'], env);
  assert.equal((JSON.parse(failed.stdout) as { file: string }).file, 'sub/Patient-bad.ndjson');

  const retry = await runCli(['retry', `s3://${bucket}`], env);
  assert.deepEqual(
    [retry.code, retry.stdout],
    [0, `1 failed file of bucket <s3://${bucket}> queued again. Call aidbox.bulk/load-from-bucket to load them.\n`],
  );
  assert.equal((await runCli(['status', `s3://${bucket}`], env)).code, 3);
  await server.s3.putObject(bucket, 'sub/Patient-bad.ndjson', '{"resourceType":"Patient","id":"mended"}');
  assert.equal((await runCli(['load', `s3://${bucket}`, '--follow'], env)).code, 0);
  // Where nothing is queued, nothing needs a call.
  assert.equal(
    (await runCli(['retry', `s3://${bucket}`], env)).stdout,
    `0 failed files of bucket <s3://${bucket}> queued again.\n`,
  );
});

test('files that are none are said to be none, and why, beside the data', { timeout }, async () => {
  const bucket = `s3://${await server.bucketOf({ 'Location-1.ndjson': [{ id: 'l' }], 'Location-2.ndjson': [{ id: 'm' }] })}`;
  const env = environment(server);
  assert.equal((await runCli(['load', bucket, '--follow'], env)).code, 0);
  for (const [args, why] of [
    [['--failed'], `Of 2 files of bucket <${bucket}>, none has failed.\n`],
    [['--failed', '--json'], `Of 2 files of bucket <${bucket}>, none has failed.\n`],
    [['--status', 'pending'], `Of 2 files of bucket <${bucket}>, none is pending.\n`],
  ] as const)
    assert.deepEqual(await runCli(['files', bucket, ...args], env), { code: 0, stdout: '', stderr: why });
  const empty = `s3://${await server.bucketOf({ 'readme.txt': '' })}`;
  await runCli(['load', empty, '--follow'], env);
  assert.deepEqual(await runCli(['files', empty], env), {
    code: 0,
    stdout: '',
    stderr: `Bucket <${empty}> has no file that could be loaded.\n`,
  });
  // A name that is misspelled has no failed files either.
  const { code, stdout, stderr } = await runCli(['files', 's3://mispelled', '--failed'], env);
  assert.deepEqual([code, stdout], [4, '']);
  assert.match(stderr, /Bucket <s3:\/\/mispelled> was never loaded/);
});

test('the failed files are loaded again in one step, by retry --load and by load --retry-failed', {
  timeout,
}, async () => {
  const file = 'Group-bad.ndjson';
  const bucket = await server.bucketOf({ [file]: '{}' });
  const env = environment(server);
  assert.equal((await runCli(['load', `s3://${bucket}`, '--follow'], env)).code, 2);
  const again = await runCli(['load', `s3://${bucket}`, '--retry-failed', '--follow'], env);
  assert.equal(again.code, 2, again.stderr);
  assert.match(again.stdout, /^1 failed file of bucket /);
  await server.s3.putObject(bucket, file, '{"id":"mended"}');
  const retry = await runCli(['retry', `s3://${bucket}`, '--load', '--follow'], env);
  assert.equal(retry.code, 0, retry.stdout + retry.stderr);
  assert.match(retry.stdout, /completed, .* 1 of 1 file, 1 resource\n/);
});

test('--json prints what the server answers, an answer a line', { timeout }, async () => {
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(2, 'json') });
  const env = environment(server);
  const { code, stdout } = await runCli(['load', `s3://${bucket}`, '--follow', '--json'], env);
  assert.equal(code, 0);
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(answers[0]?.['new-files-count'], 1);
  assert.equal(answers.at(-1)?.['state'], 'completed');
  const status = await runCli(['status', `s3://${bucket}`, '--json'], env);
  const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}`, verbose: true });
  assert.deepEqual(JSON.parse(status.stdout), body.result);
});

test('status shows a load in detail, and without a bucket all loads', { timeout }, async () => {
  const bucket = await server.bucketOf({ 'Encounter-1.ndjson': [{ resourceType: 'Encounter', id: 'detail' }] });
  await server.load(bucket);
  const env = environment(server);
  const { code, stdout } = await runCli(['status', `s3://${bucket}`], env);
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^s3://${bucket} {2}completed\n▕█+▏ 100 %`));
  assert.match(stdout, /^TYPE\tFILES\tDONE\tFAILED\tSIZE\tRESOURCES\nEncounter\t1\t1\t0\t\d+ B\t1$/m);
  const all = await runCli(['status'], env);
  assert.equal(all.code, 0);
  assert.match(all.stdout, new RegExp(`^s3://${bucket}: completed, 100 % of .*, 1 of 1 file, 1 resource\n`));
});

test('a load that is cancelled is exit code 3 for a command that follows it', { timeout }, async (t) => {
  const { bucket, env } = await slowBucket(t, server);
  const follow = startCli(['load', `s3://${bucket}`, '--follow'], env);
  await waitFor(() => /in-progress, /.test(follow.stdout()), { what: 'the first line' });
  const cancel = await runCli(['cancel', `s3://${bucket}`], env);
  assert.deepEqual([cancel.code, cancel.stdout], [0, `Load from bucket <s3://${bucket}> is being cancelled.\n`]);
  const { code, stdout } = await follow.ended;
  assert.equal(code, 3);
  assert.match(stdout, /interrupted, .*\n1 file left, and nobody loads them\./);
  const again = await runCli(['cancel', `s3://${bucket}`], env);
  assert.equal(again.code, 4);
  assert.match(again.stderr, /is not being loaded; its state is interrupted/);
});

test('Ctrl-C ends the following, not the load', { timeout }, async (t) => {
  const { proxy, bucket, env } = await slowBucket(t, await startTestServer(t));
  const follow = startCli(['load', `s3://${bucket}`, '--follow'], env);
  await waitFor(() => /in-progress, /.test(follow.stdout()), { what: 'the first line' });
  follow.child.kill('SIGINT');
  const { code, stderr } = await follow.ended;
  assert.equal(code, 130);
  assert.match(stderr, new RegExp(`the load goes on.*\nStop it: fhir-bucket-loader cancel s3://${bucket}`));
  proxy.rule = () => undefined;
  assert.equal((await runCli(['status', `s3://${bucket}`, '--follow'], env)).code, 0);
});

test('a server that restarts is waited for', { timeout }, async (t) => {
  const database = await createTestDatabase(t);
  const s3 = await startS3Endpoint(t);
  const first = await startTestServer(t, { database, s3, env: { LOADER_SHUTDOWN_GRACE_MS: '0' } });
  const { bucket, env } = await slowBucket(t, first);
  const follow = startCli(['load', `s3://${bucket}`, '--follow'], env);
  await waitFor(() => /in-progress, /.test(follow.stdout()), { what: 'the first line' });
  await first.close();
  await waitFor(() => /No server answers .* Trying again/.test(follow.stdout()), { what: 'a note' });
  const second = await startTestServer(t, { database, s3, env: { BOX_WEB_PORT: new URL(first.url).port } });
  const { code } = await follow.ended;
  assert.equal(code, 3);
  await second.close();
});

test('credentials come from the environment; wrong ones are exit code 4', { timeout }, async (t) => {
  const guarded = await startTestServer(t, { env: { BOX_ROOT_CLIENT_ID: 'ops', BOX_ROOT_CLIENT_SECRET: 'geheim' } });
  const env = { FHIR_BUCKET_LOADER_URL: guarded.url };
  const none = await runCli(['status'], env);
  assert.equal(none.code, 4);
  assert.match(none.stderr, /wants credentials\. Set BOX_ROOT_CLIENT_SECRET/);
  const wrong = await runCli(['status'], { ...env, BOX_ROOT_CLIENT_SECRET: 'geheim' });
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /does not know client root with that secret/);
  const right = await runCli(['status'], { ...env, BOX_ROOT_CLIENT_ID: 'ops', BOX_ROOT_CLIENT_SECRET: 'geheim' });
  const said = 'No bucket was ever loaded. See: fhir-bucket-loader load --help\n';
  assert.deepEqual([right.code, right.stdout], [0, said]);
  const data = { ...env, BOX_ROOT_CLIENT_ID: 'ops', BOX_ROOT_CLIENT_SECRET: 'geheim' };
  const json = await runCli(['status', '--json'], data);
  assert.deepEqual([json.stdout, json.stderr], ['', said], 'stdout is data');
  const refused = await runCli(['status', 's3://never'], {
    ...env,
    BOX_ROOT_CLIENT_ID: 'ops',
    BOX_ROOT_CLIENT_SECRET: 'geheim',
  });
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /^The server refused: Bucket <s3:\/\/never> was never loaded/);
});

const skip = existsSync('/usr/bin/script') ? false : 'no script(1) to make a terminal with';

test('on a terminal the progress is drawn in place', { timeout, skip }, async (t) => {
  const { proxy, bucket, env } = await slowBucket(t, await startTestServer(t));
  const command = `stty cols 100 rows 30; exec ${CLI} load s3://${bucket} --follow`;
  const child = spawn('/usr/bin/script', ['-qefc', command, '/dev/null'], {
    env: programEnvironment({ TERM: 'xterm', ...env }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const closed = once(child, 'close');
  await waitFor(() => /Patient-slow\.ndjson\.gz +▕.* \d+ % of/.test(output), { what: 'a bar' });
  await waitFor(() => output.includes('\u001B[4A\r\u001B[0J'), { what: 'the block drawn again' });
  proxy.rule = () => undefined;
  assert.equal((await closed)[0], 0);
  const last = output.slice(output.lastIndexOf('\u001B[0J'));
  assert.match(last, /s3:\/\/\S+ {2}completed\r\n▕█{40}▏ 100 %/);
});
