import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../../../src/source/s3/create-s3-client.ts';
import { proxyFromEnvironment } from '../../../src/source/s3/proxy.ts';
import { endpointOfHost, type S3Account } from '../../../src/source/s3/s3-account.ts';
import type { Closing } from '../../support/last-first.ts';
import { OddS3Server } from '../../support/odd-s3-server.ts';

interface Sent {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  headers: Record<string, string>;
}

/** The request for an object as it would go out; nothing is sent. */
async function requestOf(bucket: string, account: S3Account): Promise<Sent> {
  const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' };
  const client = createS3Client(
    { region: 'eu-west-1', credentials, ...account },
    { connectTimeoutMs: 0, maxSockets: 1, allowPrivateHosts: false, bucket },
  );
  let sent: Sent | undefined;
  client.middlewareStack.add(
    () => async (args) => {
      sent = args.request as Sent;
      throw new Error('not sent');
    },
    { step: 'deserialize', priority: 'low' },
  );
  await assert.rejects(client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a/k' })), /not sent/);
  client.destroy();
  assert.ok(sent !== undefined);
  return sent;
}

describe('what is written is where we connect', () => {
  const arn = 'arn:aws:s3:us-west-2:123456789012:accesspoint/my-point';
  const vpce = 'bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com';
  const alias = 'my-point-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias';
  for (const [bucket, host, url, pathStyle] of [
    ['bkt', undefined, 'https://bkt.s3.eu-west-1.amazonaws.com/a/k'],
    ['bkt', 'amazonaws.com', 'https://bkt.s3.eu-west-1.amazonaws.com/a/k'],
    ['bkt', 's3.us-east-1.amazonaws.com', 'https://s3.us-east-1.amazonaws.com/bkt/a/k'],
    ['bkt', vpce, `https://${vpce}/bkt/a/k`],
    ['bkt', 's3-accelerate.amazonaws.com', 'https://bkt.s3-accelerate.amazonaws.com/a/k'],
    ['bkt', 'http://s3.eu-west-1.amazonaws.com', 'http://s3.eu-west-1.amazonaws.com/bkt/a/k'],
    ['bkt', 's3.eu-west-1.amazonaws.com:8443', 'https://s3.eu-west-1.amazonaws.com:8443/bkt/a/k'],
    ['bkt', 'store.example.org', 'https://store.example.org/bkt/a/k'],
    ['bkt', 'http://store.example.org:9000/base/path/', 'http://store.example.org:9000/base/path/bkt/a/k'],
    ['bkt', 'store.example.org', 'https://bkt.store.example.org/a/k', false],
    ['bkt', undefined, 'https://s3.eu-west-1.amazonaws.com/bkt/a/k', true],
    [arn, undefined, 'https://my-point-123456789012.s3-accesspoint.us-west-2.amazonaws.com/a/k'],
    [alias, undefined, `https://${alias}.s3.eu-west-1.amazonaws.com/a/k`],
  ] as const)
    test(`s3://${bucket} at ${host ?? 'AWS'}${pathStyle === undefined ? '' : `, path-style ${pathStyle}`}: ${url}`, async () => {
      const endpoint = host === undefined ? undefined : endpointOfHost(host);
      const { protocol, hostname, port, path } = await requestOf(bucket, { endpoint, pathStyle });
      assert.equal(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`, url);
    });
});

test('a session token is sent, and signed', async () => {
  const credentials = { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' };
  const { headers } = await requestOf('b', { credentials });
  assert.equal(headers['x-amz-security-token'], 'token');
  assert.match(headers['authorization'] ?? '', /SignedHeaders=[^,]*x-amz-security-token/);
});

describe('proxies', () => {
  const { node: version } = process.versions;
  const skip = version.localeCompare('24.5', 'en', { numeric: true }) < 0 && `Node ${version} would ignore them`;
  const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  afterEach(() => {
    for (const name of NAMES) delete process.env[name];
  });

  /** A forward proxy for plain HTTP; CONNECT is written down and refused. */
  const startProxy = async (t: Closing) => {
    const seen: string[] = [];
    const proxy = createServer((incoming, outgoing) => {
      seen.push(incoming.url ?? '');
      const { method, headers } = incoming;
      request(incoming.url ?? '', { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      }).end();
    });
    proxy.on('connect', ({ url }, socket) => {
      seen.push(`CONNECT ${url}`);
      socket.end('HTTP/1.1 502 no\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    t.after(() => proxy.close().closeAllConnections());
    return { seen, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  };
  const read = async (t: Closing, endpoint: string) => {
    const client = createS3Client(
      { region: 'us-east-1', endpoint, credentials: { accessKeyId: 'id', secretAccessKey: 'secret' } },
      { connectTimeoutMs: 0, maxSockets: 1, allowPrivateHosts: true },
    );
    t.after(() => client.destroy());
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' }));
    return await Body?.transformToString();
  };

  test('HTTP_PROXY is used, and NO_PROXY heeded', { skip }, async (t) => {
    const store = await OddS3Server.start(t);
    store.put('k', 'content');
    const proxy = await startProxy(t);
    process.env['HTTP_PROXY'] = proxy.url;
    assert.equal(await read(t, store.url), 'content');
    assert.deepEqual(proxy.seen, [`${store.url}/b/k?x-id=GetObject`]);
    process.env['NO_PROXY'] = '127.0.0.1';
    assert.equal(await read(t, store.url), 'content');
    assert.equal(proxy.seen.length, 1);
  });

  test('HTTPS_PROXY is asked for a tunnel', { skip }, async (t) => {
    const proxy = await startProxy(t);
    process.env['HTTPS_PROXY'] = proxy.url;
    await assert.rejects(read(t, 'https://store.example.org'));
    assert.equal(proxy.seen[0], 'CONNECT store.example.org:443');
  });

  test('a Node that would ignore them is refused', () => {
    assert.throws(() => proxyFromEnvironment({ HTTPS_PROXY: 'http://proxy' }, '22.18.0'), /need Node 24.5 or newer/);
    assert.equal(proxyFromEnvironment({ HTTPS_PROXY: '' }, '22.18.0'), undefined);
  });
});
