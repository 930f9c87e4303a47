import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import Fastify from 'fastify';
import { brokenRequests } from '../../src/http/broken-requests.ts';
import { connectionLimits, limitConnections } from '../../src/http/connection-limits.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after }, { env: { BOX_ROOT_CLIENT_SECRET: 'sesame' } });
const POST = 'POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
/** A space every 20 ms, as of a body that never ends. */
const DRIPPING = { dripMs: 20 };

describe('a refused request whose body never ends', () => {
  for (const [status, line, headers] of [
    [401, 'POST /rpc', ''],
    [404, 'POST /nothing', ''],
    [403, 'POST /rpc', 'origin: https://evil.example\r\n'],
  ] as const)
    test(`keeps no connection: ${status}`, { timeout: 600_000 }, async () => {
      const answer = await exchange(
        server.url,
        `${line} HTTP/1.1\r\nhost: localhost\r\n${headers}content-type: application/json\r\ncontent-length: 100000\r\n\r\n{`,
        DRIPPING,
      );
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(answer, /^connection: close\r$/im);
    });
});

describe('what is no request', () => {
  for (const [what, request, status, kind] of [
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400, /^The request is not valid HTTP\.$/],
    [
      'a length and chunks',
      `${POST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      /not valid HTTP/,
    ],
    ['a chunk that is none', `${POST}transfer-encoding: chunked\r\n\r\nzz\r\n`, 400, /not valid HTTP/],
    [
      'headers without end',
      `GET /health HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      /too long/,
    ],
    [
      'HTTP/1.1 without Host',
      'GET /health HTTP/1.1\r\nconnection: close\r\n\r\n',
      400,
      /^The request has no Host header\.$/,
    ],
  ] as const)
    test(`is answered in the form of every error: ${what}`, { timeout: 600_000 }, async () => {
      const answer = await exchange(server.url, request);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(answer, /^content-type: application\/json/im);
      const { error } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
      assert.deepEqual(Object.keys(error), ['message']);
      assert.match(error.message, kind);
    });
});

/** What a server sends on one connection until it closes it. */
async function exchange(url: string, request: string, { dripMs }: { dripMs?: number } = {}): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', () => {});
  socket.write(request);
  const drip = dripMs === undefined ? undefined : setInterval(() => socket.write(' '), dripMs);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(drip);
  return answer;
}

test('a body that is sent too slowly ends its connection, and connections have a largest number', async (t) => {
  const limits = connectionLimits();
  assert.ok(limits.requestTimeout > 0 && limits.requestTimeout <= 60_000);
  // The same server, with a shorter patience.
  const fastify = Fastify({
    ...limits,
    ...brokenRequests(),
    requestTimeout: 300,
    http: { connectionsCheckingInterval: 50, headersTimeout: 300 },
  });
  t.after(() => fastify.close());
  limitConnections(fastify);
  assert.ok(fastify.server.maxConnections < 100_000);
  fastify.post('/', async () => 'done');
  const answer = await exchange(
    await fastify.listen({ port: 0, host: '127.0.0.1' }),
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
    DRIPPING,
  );
  assert.match(answer, /^HTTP\/1.1 408 Request Timeout\r\n.*\r\n\r\n\{"error":\{"message":"[^"]+"\}\}$/s);
});
