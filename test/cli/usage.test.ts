import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { programEnvironment } from '../support/program-environment.ts';
import { startTestServer } from '../support/test-server.ts';
import { CLI, runCli } from './run-cli.ts';

const aws = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'eu-west-1' };
const commands = ['load', 'status', 'files', 'history', 'retry', 'cancel', 'convert', 'serve', 'config', 'demo'];

/** A server that answers every call alike and remembers them. */
async function startRecorder(t: TestContext, answer: object = { result: { message: 'done' } }, status = 200) {
  const calls: { path?: string | undefined; authorization?: string | undefined; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const { authorization } = request.headers;
    calls.push({ path: request.url, authorization, body: text === '' ? undefined : JSON.parse(text) });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('--help teaches, for the program and for each command', async () => {
  const { code, stdout } = await runCli(['--help']);
  assert.equal(code, 0);
  for (const command of commands) assert.match(stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
  assert.match(stdout, /Exit codes:\n {2}0 /);
  for (const command of commands) {
    const help = await runCli([command, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`^Usage: fhir-bucket-loader ${command}`));
  }
});

test('a wrong command line is exit code 1, with a hint', async () => {
  const wrong: [string[], RegExp, Record<string, string>?][] = [
    [['lode'], /Did you mean load\?/],
    [['load'], /missing required argument 'bucket'/],
    [['load', 'bucket'], /must have the form s3:\/\/name/],
    [['load', 's3://bucket/2026/x'], /s3:\/\/bucket --prefix 2026\/x/],
    [['load', 's3://bucket', '--thread-num', 'many'], /must be a whole number/],
    [['load', 's3://bucket', '--thread-nums', '1'], /Did you mean --thread-num\?/],
    [['load', 's3://bucket', '--scheduler', 'fast'], /Allowed choices are optimal, by-last-modified/],
    [['load', 's3://bucket'], /Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/, { AWS_REGION: 'x' }],
    [['load', 's3://bucket'], /Name the bucket's region/, { ...aws, AWS_REGION: '' }],
    [['load', 's3://bucket', '--profile', 'nobody'], /Profile nobody has no usable credentials/],
    [['load', 's3://bucket', '--request-payer', 'me'], /Allowed choices are requester/],
    [['load', 's3://bucket', '--server-credentials', '--host', 'x'], /not with --server-credentials/],
    [['status', '--follow'], /--follow requires a bucket/],
    [['history', '--run', '0'], /must be a whole number from 1 on/],
    [['history', 's3://bucket', '--run', '1'], /--run names one run/],
    [['history', '--run', '1', '--limit', '2'], /cannot be used with/],
    [['status', '--url', 'localhost:8888'], /--url \(or FHIR_BUCKET_LOADER_URL\) must have the form/],
    [['status'], /--url \(or FHIR_BUCKET_LOADER_URL\) must have the form/, { FHIR_BUCKET_LOADER_URL: 'localhost' }],
    [['status', '--url', 'http://root:geheim@localhost'], /Set credentials with BOX_ROOT_CLIENT_ID/],
    [['status', '--url', 'root:geheim@localhost'], /Set credentials with BOX_ROOT_CLIENT_ID/],
    ...[
      ' http://root:geheim@localhost',
      'http:/root:geheim@127.0.0.1:1',
      '//root:geheim@localhost',
      'ftp://root:geheim@localhost',
      'http://root:pa/geheim@localhost',
      'http://root:pa?geheim@localhost',
    ].map((url): [string[], RegExp] => [['status', '--url', url], /Set credentials with BOX_ROOT_CLIENT_ID/]),
    [['status', '--url', 'http://root:geheim'], /must have the form/],
    [['status', '--url', 'http://127.0.0.1:1;password=geheim'], /must have the form/],
    [['status', '--url', 'http://127.0.0.1:1/?token=geheim'], /must end before any \? or #/],
    [['status', '--url', 'http://127.0.0.1:1/#geheim'], /must end before any \? or #/],
    [['serve', '--port', '99999'], /must be 0 to 65535/],
    ...['postgres://me:geheim@db/fhir', 'postgres://me@db/fhir?sslpassword=geheim'].map((url): [string[], RegExp] => [
      ['serve', '--database-url', url],
      /Other users can see command lines: set the password with PGPASSWORD/,
    ]),
    [['retry', 's3://bucket', '--follow'], /--follow requires --load/],
    [['retry', 's3://bucket', '--region', 'x'], /--region, .* require --load/],
    [['retry', 's3://bucket', '--no-path-style'], /--no-path-style .* require --load/],
    [['load', 's3://bucket', '--host', 'a', '--host=b'], /option '--host <host>' may be given only once/],
    [['status', '--url', 'http://a', '--url', 'http://b'], /option '--url <url>' may be given only once/],
    [['files', 's3://bucket', '--failed', '--status', 'done'], /cannot be used with/],
  ];
  for (const [args, message, env = aws] of wrong) {
    const { code, stderr, stdout } = await runCli(args, env);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /geheim/);
    assert.equal(stdout, '');
  }
});

test('what the program does not have is named with what comes nearest, beside --help and --version too', async () => {
  const unknown: [string, RegExp][] = [
    [
      'hitsory --help',
      /unknown command 'hitsory'\n\(Did you mean history\?\)\n\(fhir-bucket-loader --help for usage\)/,
    ],
    ['-h hitsory', /unknown command 'hitsory'/],
    ['help hitsory', /Did you mean history\?/],
    ['hitsory --version', /Did you mean history\?/],
    ['-V hitsory', /Did you mean history\?/],
    ['--nope --help', /unknown option '--nope'/],
    ['--help --nope', /unknown option '--nope'/],
    ['--version --nope=1', /unknown option '--nope=1'/],
    [
      'load --folow --help',
      /unknown option '--folow'\n\(Did you mean --follow\?\)\n\(fhir-bucket-loader load --help for usage\)/,
    ],
    ['load s3://bucket --host h -f --help --folow', /unknown option '--folow'/],
    ['help load --folow', /unknown option '--folow'/],
    ['load --version -x', /unknown option '-x'/],
  ];
  for (const [args, message] of unknown) {
    const { code, stderr, stdout } = await runCli(args.split(' '));
    assert.deepEqual([code, stdout], [1, ''], args);
    assert.match(stderr, message);
  }
  for (const args of [
    'load s3://bucket --prefix --nope --thread-num=4 -f --help',
    'help load',
    'load --help -- --nope',
    '--help load',
  ]) {
    const { code, stderr, stdout } = await runCli(args.split(' '));
    assert.deepEqual([code, stderr], [0, ''], args);
    assert.match(stdout, /^Usage: fhir-bucket-loader/);
  }
});

test('each option of load is the parameter of its name; what is not given is left to the server', async (t) => {
  const { calls, url } = await startRecorder(t);
  const env = { ...aws, FHIR_BUCKET_LOADER_URL: url, BOX_ROOT_CLIENT_SECRET: 'geheim' };
  const options =
    '--thread-num 8 --disable-idx --drop-primary-key --upsert --scheduler by-last-modified --prefix a/ --prefix b/ ' +
    '--connect-timeout 1000 --read-timeout 0 --max-errors 5 --host http://minio:9000 --region us-east-1';
  const { code, stdout } = await runCli(['load', 's3://bucket/', ...options.split(' ')], env);
  assert.deepEqual([code, stdout], [0, 'done\nSee: fhir-bucket-loader status s3://bucket --follow\n']);
  await runCli(['load', 's3://bucket', '--server-credentials'], { FHIR_BUCKET_LOADER_URL: url });
  await runCli(['retry', 's3://bucket', '--prefix', 'a/'], { FHIR_BUCKET_LOADER_URL: url });
  const account = {
    'access-key-id': 'id',
    'secret-access-key': 'secret',
    region: 'us-east-1',
    host: 'http://minio:9000',
  };
  assert.deepEqual(calls, [
    {
      path: '/rpc',
      authorization: `Basic ${Buffer.from('root:geheim').toString('base64')}`,
      body: {
        method: 'aidbox.bulk/load-from-bucket',
        params: {
          bucket: 's3://bucket',
          account,
          'thread-num': 8,
          'upsert?': true,
          'disable-idx?': true,
          'drop-primary-key?': true,
          scheduler: 'by-last-modified',
          prefixes: ['a/', 'b/'],
          'connect-timeout': 1000,
          'read-timeout': 0,
          'max-errors': 5,
        },
      },
    },
    {
      path: '/rpc',
      authorization: undefined,
      body: { method: 'aidbox.bulk/load-from-bucket', params: { bucket: 's3://bucket' } },
    },
    {
      path: '/rpc',
      authorization: undefined,
      body: { method: 'aidbox.bulk/load-from-bucket-retry', params: { bucket: 's3://bucket', prefixes: ['a/'] } },
    },
  ]);
});

test('temporary credentials of the environment, and those of a profile with its region, travel with the call', async (t) => {
  const { calls, url } = await startRecorder(t);
  const folder = await mkdtemp(join(tmpdir(), 'aws-'));
  t.after(() => rm(folder, { recursive: true }));
  const files = { AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'), AWS_CONFIG_FILE: join(folder, 'config') };
  await writeFile(
    files.AWS_SHARED_CREDENTIALS_FILE,
    '[ward]\naws_access_key_id = ward-id\naws_secret_access_key = ward-secret\naws_session_token = ward-token\n',
  );
  await writeFile(files.AWS_CONFIG_FILE, '[profile ward]\nregion = ca-central-1\n');
  const load = async (args: readonly string[], env: Record<string, string>) => {
    const { code, stderr } = await runCli(['load', 's3://bucket', '--url', url, ...args], { ...files, ...env });
    assert.deepEqual([code, stderr], [0, '']);
  };
  await load(['--no-path-style', '--request-payer', 'requester'], { ...aws, AWS_SESSION_TOKEN: 'token' });
  await load(['--profile', 'ward'], { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' });
  await load([], { AWS_PROFILE: 'ward' });
  const ward = {
    'access-key-id': 'ward-id',
    'secret-access-key': 'ward-secret',
    'session-token': 'ward-token',
    region: 'ca-central-1',
  };
  const own = {
    'access-key-id': 'id',
    'secret-access-key': 'secret',
    'session-token': 'token',
    region: 'eu-west-1',
    'path-style?': false,
  };
  assert.deepEqual(
    calls.map(({ body }) => (body as { params: unknown }).params),
    [
      { bucket: 's3://bucket', account: own, 'request-payer': 'requester' },
      { bucket: 's3://bucket', account: ward },
      { bucket: 's3://bucket', account: ward },
    ],
  );
});

test("an access point's ARN names a bucket", async (t) => {
  const { calls, url } = await startRecorder(t);
  const arn = 'arn:aws:s3:us-west-2:123456789012:accesspoint/my-point';
  await runCli(['cancel', `s3://${arn}`, '--url', url]);
  assert.deepEqual(
    calls.map(({ body }) => body),
    [{ method: 'aidbox.bulk/load-from-bucket-cancel', params: { bucket: `s3://${arn}` } }],
  );
});

test('parameters that the server finds wrong are the command line’s fault: exit code 1', async (t) => {
  const server = await startTestServer(t);
  const { code, stderr } = await runCli(['load', 's3://bucket', '--thread-num', '400', '--url', server.url], aws);
  assert.equal(code, 1);
  assert.match(stderr, /thread-num: /);
});

test('a hint names the command as it was called', async (t) => {
  const { url } = await startRecorder(t);
  for (const [event, name] of [
    ['cli', 'npm run cli --'],
    ['npx', 'npx fhir-bucket-loader'],
    ['', 'fhir-bucket-loader'],
  ] as const) {
    const { stdout } = await runCli(['load', 's3://b-1', '--url', url], { ...aws, npm_lifecycle_event: event });
    assert.equal(stdout, `done\nSee: ${name} status s3://b-1 --follow\n`);
  }
});

test('a server that is none, or of another kind, is exit code 4', async (t) => {
  const other = await startRecorder(t, { hello: 'world' });
  const broken = await startRecorder(t, { hello: 'world' }, 502);
  const cases: [string, RegExp][] = [
    [other.url, /answers, but not as this server does\. Set its address with --url or FHIR_BUCKET_LOADER_URL/],
    [broken.url, /answers 502, and not as this server does\. Set its address with --url or FHIR_BUCKET_LOADER_URL/],
    ['http://127.0.0.1:9/@b', /No server answers at/],
    [other.url.replace('http:', 'https:'), /^No TLS is spoken at https:.*: write http:\/\/\. .*\n$/],
    ['http://127.0.0.1:9', /No server answers at http:\/\/127\.0\.0\.1:9.* FHIR_BUCKET_LOADER_URL/],
  ];
  for (const [url, message] of cases) {
    const { code, stderr } = await runCli(['cancel', 's3://bucket', '--url', url]);
    assert.equal(code, 4);
    assert.match(stderr, message);
  }
});

test('output that finds no room is exit code 1, said in one line', {
  skip: existsSync('/dev/full') ? false : 'there is no /dev/full',
}, async () => {
  for (const args of [['config'], ['load', '--help']]) {
    const shell = spawnSync('sh', ['-c', `exec "$0" "$@" > /dev/full`, CLI, ...args], {
      env: programEnvironment({}),
      encoding: 'utf8',
    });
    assert.deepEqual([shell.status, shell.stdout], [1, '']);
    assert.match(shell.stderr, /^The output cannot be written: ENOSPC: .*\n$/);
  }
});
