import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { z } from 'zod';
import { lastFirst } from '../support/last-first.ts';
import { ndjson, ndjsonGzip, patients } from '../support/ndjson.ts';
import { programEnvironment } from '../support/program-environment.ts';
import { type S3Endpoint, startS3Endpoint } from '../support/s3-endpoint.ts';
import { type LogLine, ServerProcess } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const parts = lastFirst({ after });

let folder: string;
let s3: S3Endpoint;
let databaseUrl: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  parts.after(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await run(process.execPath, [join(ROOT, 'tools', 'build-dist.ts'), join(folder, 'dist')]);
  databaseUrl = (await createTestDatabase(parts)).url;
  s3 = await startS3Endpoint(parts);
});

const built = (path: string) => join(folder, 'dist', ...path.split('/'));
const start = (env = {}) =>
  ServerProcess.start(parts, { databaseUrl, program: built('src/server.js'), env: { HOME: folder, ...env } });

async function bucketOf(files: Readonly<Record<string, Buffer | string>>): Promise<string> {
  const bucket = await s3.createBucket();
  for (const [key, body] of Object.entries(files)) await s3.putObject(bucket, key, body);
  return bucket;
}

/** The rows of patients whose id begins so. */
async function rowsOf(prefix: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from patient where id like $1', [`${prefix}%`]);
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}

const errorNames = (log: readonly LogLine[]) =>
  log.flatMap(({ err }) => z.object({ type: z.string() }).safeParse(err).data?.type ?? []).sort();

describe('the build', () => {
  test('loads in its threads from an S3 endpoint, serves its page, and is spoken to by its command line', async () => {
    const bucket = await bucketOf({ 'Patient.ndjson.gz': ndjsonGzip(patients(500, 'built')) });
    const server = await start();
    const { body } = await server.rpc('load-from-bucket', { bucket: `s3://${bucket}`, account: s3.account });
    assert.equal(body.error, undefined);
    assert.equal((await server.ended(bucket, 300_000)).state, 'completed');
    assert.equal(await rowsOf('built'), 500);

    const page = await (await fetch(server.url)).text();
    const assets = [...page.matchAll(/(?:src|href)="(\/?[^":#]+\.(?:js|css))"/g)].map(([, path = '']) => path);
    assert.ok(assets.length > 0, page);
    for (const asset of assets) assert.equal((await fetch(new URL(asset, server.url))).status, 200, asset);

    const status = await run(
      process.execPath,
      [built('src/cli/main.js'), 'status', `s3://${bucket}`, '--url', server.url],
      {
        env: programEnvironment(),
      },
    );
    assert.match(status.stdout, /completed/);
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));
    const told = await run(process.execPath, [built('src/cli/main.js'), '--version'], { env: programEnvironment() });
    assert.equal(told.stdout, `${version}\n`);
  });

  test('keeps, after the first load of a second start, the code of both threads, which the next one takes; damaged, it does no harm', async () => {
    const cache = join(folder, 'compiled');
    const kept = async () => {
      const names = (await readdir(cache)).filter((name) => name.endsWith('.kept')).sort();
      return await Promise.all(
        names.map(async (name) => {
          const { ino, mode, mtimeMs, size } = await stat(join(cache, name));
          return { path: join(cache, name), written: `${ino} ${mtimeMs}`, mode: mode & 0o777, size };
        }),
      );
    };
    const load = async (prefix: string, LOADER_COMPILE_CACHE = cache) => {
      const bucket = await bucketOf({ 'Patient.ndjson.gz': ndjsonGzip(patients(3, prefix)) });
      const server = await start({ NODE_COMPILE_CACHE: '', LOADER_COMPILE_CACHE, LOG_LEVEL: 'debug' });
      await server.rpc('load-from-bucket', { bucket: `s3://${bucket}`, account: s3.account });
      assert.equal((await server.ended(bucket, 300_000)).state, 'completed');
      const told = () => server.log.filter(({ msg }) => msg.startsWith('compiled code is'));
      if (!prefix.startsWith('none'))
        await waitFor(() => told().length > 0, { what: 'kept code', seen: async () => server.output });
      assert.equal(await rowsOf(prefix), 3);
      assert.deepEqual(await server.terminate(), { code: 0, signal: null });
      return told().map(({ level, msg }) => `${level} ${msg}`);
    };
    const KEPT = ['20 compiled code is kept for the next start'];
    assert.deepEqual(await load('none-first'), []);
    assert.deepEqual(await kept(), []);
    assert.deepEqual(await load('kept-first'), KEPT);
    const first = await kept();
    assert.deepEqual(
      first.map(({ mode }) => mode),
      [0o600, 0o600],
    );
    assert.deepEqual(await load('kept-second'), KEPT);
    assert.deepEqual(await kept(), first, 'both were taken');

    for (const { path, size } of first) await truncate(path, size - 1);
    const damaged = await kept();
    assert.deepEqual(await load('kept-damaged'), KEPT);
    const anew = await kept();
    for (const [n, { written }] of anew.entries()) assert.notEqual(written, damaged[n]?.written, 'written again');
    assert.equal(anew.length, 2);

    for (const { path } of anew) {
      await rm(path);
      await mkdir(join(path, 'taken'), { recursive: true });
    }
    assert.deepEqual(await load('kept-refused'), ['40 compiled code is not kept for the next start']);
    assert.deepEqual(await load('none-off', 'off'), []);
  });

  test('names errors in its answers and its log as the sources do', async () => {
    const files = { 'Patient-text.ndjson': 'no json\n', 'Patient-twice.ndjson': '{"id":"a"}\n{"id":"a"}\n' };
    const outcomes = [];
    for (const program of ['src/server.ts', built('src/server.js')]) {
      const bucket = await bucketOf(files);
      const { url } = await createTestDatabase(parts);
      const server = await ServerProcess.start(parts, { databaseUrl: url, program });
      await server.rpc('load-from-bucket', { bucket: `s3://${bucket}`, account: s3.account });
      await server.ended(bucket, 300_000);
      const { body } = await server.rpc('load-from-bucket-status', { bucket: `s3://${bucket}`, verbose: true });
      const missing = await server.rpc('load-from-bucket', { bucket: 's3://nowhere-at-all', account: s3.account });
      await server.terminate();
      outcomes.push({
        status: JSON.stringify(body.result).match(/"(?:code|message|error|type)":"[^"]*"/g),
        missing: missing.body.error?.code,
        log: errorNames(server.log),
      });
    }
    assert.deepEqual(outcomes[1], outcomes[0]);
    assert.ok(outcomes[0]?.missing !== undefined);
  });

  test('finds credentials wherever the AWS SDK looks for them, each by code that is loaded when asked for', async () => {
    const keys = { AccessKeyId: s3.account['access-key-id'], SecretAccessKey: s3.account['secret-access-key'] };
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    const asked: string[] = [];
    // What AWS answers: STS to a pod's web identity, a container's agent, a machine's metadata service, SSO.
    const aws = createServer((request, answer) => {
      asked.push(request.url ?? '');
      request.resume();
      const path = request.url ?? '';
      if (request.method === 'PUT') answer.end('token');
      else if (request.method === 'POST') {
        const fields = Object.entries({ ...keys, SessionToken: 'token', Expiration: expires });
        const xml = fields.map(([name, value]) => `<${name}>${value}</${name}>`).join('');
        const result = `<AssumeRoleWithWebIdentityResult><Credentials>${xml}</Credentials></AssumeRoleWithWebIdentityResult>`;
        answer
          .setHeader('content-type', 'text/xml')
          .end(
            `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</AssumeRoleWithWebIdentityResponse>`,
          );
      } else if (path.endsWith('/security-credentials/')) answer.end('role');
      else {
        const own = { accessKeyId: keys.AccessKeyId, secretAccessKey: keys.SecretAccessKey, sessionToken: 'token' };
        const body = path.startsWith('/federation')
          ? { roleCredentials: { ...own, expiration: Date.parse(expires) } }
          : { Code: 'Success', Type: 'AWS-HMAC', ...keys, Token: 'token', Expiration: expires };
        answer.setHeader('content-type', 'application/json').end(JSON.stringify(body));
      }
    }).listen(0, '127.0.0.1');
    parts.after(() => {
      aws.close();
    });
    await once(aws, 'listening');
    const url = `http://127.0.0.1:${(aws.address() as AddressInfo).port}`;

    await writeFile(join(folder, 'web-identity-token'), 'token');
    const sso = 'https://sso.example/start';
    await mkdir(join(folder, '.aws', 'sso', 'cache'), { recursive: true });
    await writeFile(
      join(folder, '.aws', 'config'),
      `[profile sso]\nsso_start_url = ${sso}\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = loader\n`,
    );
    const token = JSON.stringify({ accessToken: 'token', expiresAt: expires, startUrl: sso, region: 'us-east-1' });
    const cached = `${createHash('sha1').update(sso).digest('hex')}.json`;
    await writeFile(join(folder, '.aws', 'sso', 'cache', cached), token);
    const region = {
      AWS_REGION: s3.account.region,
      AWS_ENDPOINT_URL_S3: s3.account.host,
    };
    const sources: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      environment: { AWS_ACCESS_KEY_ID: keys.AccessKeyId, AWS_SECRET_ACCESS_KEY: keys.SecretAccessKey },
      sso: { AWS_PROFILE: 'sso', AWS_ENDPOINT_URL_SSO: url },
      'instance metadata': { AWS_EC2_METADATA_SERVICE_ENDPOINT: url },
      'web identity': {
        AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'web-identity-token'),
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/loader',
        AWS_ENDPOINT_URL_STS: url,
      },
      container: { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/container` },
    };
    for (const [source, env] of Object.entries(sources)) {
      const prefix = source.replaceAll(' ', '-');
      const bucket = await bucketOf({ 'Patient.ndjson': ndjson(patients(3, prefix)) });
      const server = await start({ ...region, ...env });
      const { body } = await server.rpc('load-from-bucket', { bucket: `s3://${bucket}` });
      assert.equal(body.error, undefined, `${source}: ${JSON.stringify(body.error)}\n${server.output}`);
      assert.equal((await server.ended(bucket, 300_000)).state, 'completed', source);
      assert.equal(await rowsOf(prefix), 3, source);
      await server.terminate();
    }
    for (const path of ['/', '/container', '/federation/credentials', '/latest/meta-data/iam/security-credentials/']) {
      assert.ok(
        asked.some((each) => each.split('?')[0] === path),
        `${path} of ${asked.join(' ')}`,
      );
    }
  });
});
