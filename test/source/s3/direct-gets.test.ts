import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ObjectReader } from '../../../src/source/s3/object-reader.ts';
import type { S3Account } from '../../../src/source/s3/s3-account.ts';
import { S3Clients } from '../../../src/source/s3/s3-clients.ts';
import { S3Error } from '../../../src/source/s3/s3-error.ts';
import { errorXml } from '../../support/s3-fault.ts';

interface Asked {
  path: string;
  headers: IncomingHttpHeaders;
}

const SECRET = 'secret/+=';
const xml = { 'content-type': 'application/xml' };

const listen = async (t: TestContext, listener: RequestListener) => {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** A store that gives `x` as every object, except where `onGet` answers. */
const setUp = async (t: TestContext, account: Partial<S3Account> = {}) => {
  const asked: Asked[] = [];
  const store = { onGet: (..._args: Parameters<RequestListener>): boolean => false };
  const endpoint = await listen(t, (request, response) => {
    asked.push({ path: request.url ?? '', headers: request.headers });
    if (!store.onGet(request, response)) response.writeHead(200, { etag: '"e"', 'content-length': 1 }).end('x');
  });
  const clients = new S3Clients(true);
  const credentials = { accessKeyId: 'id', secretAccessKey: SECRET, sessionToken: 'token' };
  const client = clients.get({ region: 'eu-west-3', endpoint, credentials, ...account }, 'bucket', {
    connectTimeoutMs: 0,
  });
  const read = async (
    key: string,
    options: { readTimeoutMs?: number; signal?: AbortSignal; direct?: boolean } = {},
  ) => {
    const { readTimeoutMs = 0, signal = new AbortController().signal, direct = true } = options;
    const object = { bucket: 'bucket', key, size: 1, etag: '"e"' };
    const reader = new ObjectReader(client, object, {
      readTimeoutMs,
      signal,
      requesterPays: true,
      ...(direct ? { direct: clients.directGets(client) } : {}),
    });
    const chunks: Buffer[] = [];
    for await (const chunk of reader.read()) chunks.push(chunk);
    assert.equal(String(Buffer.concat(chunks)), 'x');
    const last = asked.at(-1);
    assert.ok(last);
    return last;
  };
  return { asked, store, read };
};

/** Only the SDK numbers its requests. */
const isDirect = ({ headers }: Asked) => !('amz-sdk-invocation-id' in headers);

/** The signature that AWS's documentation of Signature Version 4 asks for. */
const signatureOf = ({ path, headers }: Asked): string => {
  const [, day, region, signed] =
    /\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? [];
  assert.ok(day !== undefined && region !== undefined && signed !== undefined, headers.authorization);
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const [name, query] = path.split('?');
  const lines = signed.split(';').map((header) => `${header}:${String(headers[header]).trim()}\n`);
  const canonical = ['GET', name, query, lines.join(''), signed, headers['x-amz-content-sha256']].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (by, part) => hmac(by, part),
    `AWS4${SECRET}`,
  );
  return hmac(key, ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')).toString('hex');
};
const signatureIn = ({ headers }: Asked) => /Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? '')?.[1];

/** What two requests for one object have in common. */
const common = ({ path, headers }: Asked) => {
  const own = ['authorization', 'amz-sdk-invocation-id', 'amz-sdk-request', 'x-amz-date'];
  return { path, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !own.includes(name))) };
};

test('after the first object each is asked for as the SDK does, signed for itself', async (t) => {
  const { read } = await setUp(t);
  const first = await read('first.ndjson.gz');
  assert.ok(!isDirect(first));
  assert.equal(signatureIn(first), signatureOf(first), 'the check knows the signature of the SDK');
  for (const key of ["in a/folder/x!*'()+;=&@:,$ä€😀~.ndjson.gz", 'year=2026/%2F?#.gz', '.hidden/..x']) {
    const direct = await read(key);
    const bySdk = await read(key, { direct: false });
    assert.ok(isDirect(direct) && !isDirect(bySdk), key);
    assert.deepEqual(common(direct), common(bySdk));
    assert.equal(signatureIn(direct), signatureOf(direct), key);
    for (const header of ['if-match', 'x-amz-checksum-mode', 'x-amz-request-payer', 'x-amz-security-token'])
      assert.match(direct.headers.authorization ?? '', new RegExp(`[=;]${header}[;,]`));
  }
});

for (const key of ['a//b', './a', 'a/../b', '/a', 'a/'])
  test(`a key whose parts a path would not keep is left to the SDK: ${key}`, async (t) => {
    const { read } = await setUp(t);
    await read('first');
    assert.ok(!isDirect(await read(key)));
    assert.ok(isDirect(await read('next')));
  });

test('credentials that change are those of the moment', async (t) => {
  let given = 0;
  const uri = await listen(t, (_request, response) => {
    given++;
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        AccessKeyId: `key-${given}`,
        SecretAccessKey: SECRET,
        Token: `token-${given}`,
        Expiration: new Date(Date.now() + 1_000).toISOString(),
      }),
    );
  });
  const variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_SHARED_CREDENTIALS_FILE: '/nowhere' };
  const before = { ...process.env };
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) delete process.env[name];
  Object.assign(process.env, variables);
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  });
  const { read } = await setUp(t, { credentials: undefined });
  const keyOf = ({ headers }: Asked) => /Credential=(key-\d+)/.exec(headers.authorization ?? '')?.[1];
  const first = await read('first');
  let direct = await read('second');
  // The SDK gets new ones beside the requests.
  for (let nth = 0; nth < 1_000 && keyOf(direct) === keyOf(first); nth++) direct = await read(`${nth}`);
  assert.ok(isDirect(direct));
  assert.notEqual(keyOf(direct), keyOf(first));
  assert.equal(direct.headers['x-amz-security-token'], keyOf(direct)?.replace('key', 'token'));
  assert.equal(signatureIn(direct), signatureOf(direct));
});

const refusals: Record<string, (...args: Parameters<RequestListener>) => unknown> = {
  SlowDown: (_request, response) => response.writeHead(503, xml).end(errorXml('SlowDown', 'slow')),
  InternalError: (_request, response) => response.writeHead(500, xml).end(errorXml('InternalError', '')),
  'an empty answer': (_request, response) => response.writeHead(204).end(),
  'a reset connection': (request) => request.socket.resetAndDestroy(),
};
for (const [name, refuse] of Object.entries(refusals))
  test(`where the store answers with no object (${name}) the SDK asks, and goes on asking for a while`, async (t) => {
    const { asked, store, read } = await setUp(t);
    await read('first');
    store.onGet = (request, response) => {
      store.onGet = () => false;
      refuse(request, response);
      return true;
    };
    assert.ok(!isDirect(await read('second')));
    assert.ok(!isDirect(await read('third')));
    assert.deepEqual(asked.map(isDirect), [false, true, false, false]);
  });

test('an object that is gone or another fails as where the SDK asks', async (t) => {
  const { store, read } = await setUp(t);
  const failuresOf = async (status: number, code: string) => {
    await read('first');
    store.onGet = (_request, response) => {
      response.writeHead(status, xml).end(errorXml(code, ''));
      return true;
    };
    const failed = [];
    for (const direct of [true, false]) {
      const error: unknown = await read('second', { direct }).catch((reason: unknown) => reason);
      assert.ok(error instanceof S3Error, String(error));
      failed.push(error.message);
    }
    store.onGet = () => false;
    return failed;
  };
  const [gone, goneBySdk] = await failuresOf(404, 'NoSuchKey');
  assert.equal(gone, goneBySdk);
  const [other, otherBySdk] = await failuresOf(412, 'PreconditionFailed');
  assert.equal(other, otherBySdk);
});

test('an answer that does not come ends at the read timeout, or with the load', async (t) => {
  const { asked, store, read } = await setUp(t);
  await read('first');
  let closed = 0;
  store.onGet = (_request, response) => {
    response.once('close', () => closed++);
    return true;
  };
  const late: unknown = await read('second', { readTimeoutMs: 50 }).catch((reason: unknown) => reason);
  assert.ok(late instanceof S3Error && late.code === 'ReadTimeout', String(late));
  const abort = new AbortController();
  const stopped = read('third', { signal: abort.signal });
  while (asked.length < 3) await new Promise((resolve) => setImmediate(resolve));
  abort.abort(new Error('the load was stopped'));
  await assert.rejects(stopped, /the load was stopped/);
  while (closed < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(asked.slice(1).every(isDirect));
});
