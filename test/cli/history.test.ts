import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runDetails, runTable } from '../../src/cli/run-text.ts';
import { historyAnswer } from '../../src/rpc/history-answer.ts';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { runCli } from './run-cli.ts';

const server = await startTestServer({ after });
const env = { FHIR_BUCKET_LOADER_URL: server.url };
const history = (...args: string[]) => runCli(['history', ...args], env);
const cells = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));

test('before anything was loaded it says so', async () => {
  const { code, stdout } = await history();
  assert.deepEqual([code, stdout], [0, 'No run is recorded yet. See: fhir-bucket-loader load --help\n']);
  const json = await history('--json');
  assert.deepEqual([json.stdout, json.stderr], ['', stdout], 'stdout is data');
});

test('the runs are a table, the latest first; of one bucket, and no more than asked for', async () => {
  const good = await server.bucketOf({ 'Patient.ndjson': patients(30, 'good') });
  const bad = await server.bucketOf({ 'Patient-1.ndjson': patients(2, 'bad'), 'Patient-2.ndjson': 'no json' });
  const account = server.s3.account;
  const { code } = await runCli(['load', `s3://${good}`, '--follow'], {
    ...env,
    AWS_ACCESS_KEY_ID: 'AKIAHISTORY',
    AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
    AWS_REGION: account.region,
    AWS_ENDPOINT_URL_S3: account.host,
  });
  assert.equal(code, 0);
  await server.load(bad);

  const all = await history();
  assert.deepEqual([all.code, all.stderr], [0, '']);
  const [head, latest, first, ...more] = cells(all.stdout);
  assert.deepEqual(more, []);
  assert.deepEqual(head?.slice(0, 5), ['RUN', 'STATE', 'BUCKET', 'START', 'TIME']);
  assert.deepEqual(latest?.slice(0, 3), ['2', 'completed', `s3://${bad}`]);
  assert.deepEqual(latest?.slice(5, 9), ['1', '1', '0', '2']);
  assert.equal(latest?.at(-1), 'api 127.0.0.1');
  assert.deepEqual(first?.slice(5, 9), ['1', '0', '0', '30']);
  assert.equal(first?.at(-1), 'command-line 127.0.0.1');
  assert.equal(cells((await history(`s3://${good}`)).stdout).length, 2);
  assert.equal(cells((await history('--limit', '1')).stdout)[1]?.[0], '2');

  const detail = await history('--run', '1');
  assert.equal(detail.code, 0);
  assert.match(detail.stdout, new RegExp(`^Run 1 of s3://${good}: completed\\n`));
  assert.match(detail.stdout, /\n {2}1 file loaded, 0 failed, 0 left; 30 resources, /);
  assert.match(
    detail.stdout,
    /\n1 call:\n {2}\S+Z command-line 127\.0\.0\.1, 1 new file: \{"account":\{.*\},"scheduler":"optimal","thread-num":4\}\n$/,
  );
  assert.doesNotMatch(detail.stdout + all.stdout, /AKIAHISTORY/);
  const failed = await history('--run', '2');
  assert.equal(failed.code, 2);
  assert.match(failed.stdout, /\n {2}failed: aidbox not-an-object, 1 file\n/);
});

test('--json prints what the server answers, a run a line, page after page', async () => {
  await server.sql(
    `insert into fhir_bucket_loader.load_run (bucket, first_txid, ended_at, outcome, figures)
     select 's3://many', 1, now(), 'cancelled',
            '{"done":0,"error":0,"left":1,"resources":0,"bytes":0,"linesLeftOut":0,"failures":[]}' from generate_series(1, 230)`,
  );
  const { stdout } = await history('s3://many', '--limit', '220', '--json');
  const runs = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  historyAnswer.parse({ runs });
  assert.deepEqual(
    runs.map(({ run }) => run),
    Array.from({ length: 220 }, (_, n) => 232 - n),
  );
  assert.equal((await history('--run', '232')).code, 3);
});

test('a server that is not there, or knows no such run, is exit code 4', async () => {
  const unknown = await history('--run', '9999');
  assert.equal(unknown.code, 4);
  assert.match(unknown.stderr, /There is no run 9999/);
  const nobody = await runCli(['history'], { FHIR_BUCKET_LOADER_URL: 'http://127.0.0.1:1' });
  assert.equal(nobody.code, 4);
});

test('on a terminal columns are padded, and the rates are a line of blocks', () => {
  const rates = (n: number) => ({ 'bytes-per-second': 10 * n, 'resources-per-second': n });
  const run = {
    run: 7,
    bucket: 's3://hospital',
    state: 'interrupted',
    reason: 'The server was shut down.',
    start: '2026-11-25T01:12:20.114Z',
    'duration-ms': 600_000,
    replicas: 2,
    files: { done: 1200, error: 0, left: 1 },
    resources: 1_000_000,
    bytes: 5_000_000,
    'lines-left-out': 3,
    failures: [],
    rate: rates(1_667),
    'calls-count': 0,
    calls: [],
    curve: { 'seconds-per-point': 2, points: Array.from({ length: 300 }, (_, n) => ({ second: 2 * n, ...rates(n) })) },
  };
  const out = Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true });
  const [head = '', row = ''] = runTable([run], true);
  Object.defineProperty(out, 'isTTY', { value: false, configurable: true });
  assert.equal(head.indexOf('STATE'), row.indexOf('interrupted'));
  assert.equal(head.indexOf('START'), row.indexOf('2026'));
  const details = runDetails(run, 80);
  assert.match(details[0] ?? '', /interrupted\. The server was shut down\.$/);
  const line = details.find((each) => each.includes('▁')) ?? '';
  assert.ok(line.length <= 80, `${line.length} columns`);
  assert.match(line, /^ {2}resources\/s ▁+▂+▃+▄+▅+▆+▇+█+ \d+$/);
});
