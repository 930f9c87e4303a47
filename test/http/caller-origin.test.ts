import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createDetachedApp } from '../support/detached-app.ts';

const open = await createDetachedApp({ after });
const guarded = await createDetachedApp({ after }, { BOX_ROOT_CLIENT_SECRET: 'sesame' });
const basic = `Basic ${Buffer.from('root:sesame').toString('base64')}`;

async function call(
  app: FastifyInstance,
  headers: Record<string, string>,
  { method = 'GET', path = '/openrpc.json' }: { method?: 'GET' | 'POST' | 'DELETE'; path?: string } = {},
) {
  const answer = await app.inject({ method, url: path, headers });
  return { status: answer.statusCode, body: answer.payload, headers: answer.headers };
}

describe('without a secret, a page whose name was made to resolve to this machine', () => {
  for (const host of [
    'evil.example',
    'evil.example:8888',
    '127.evil.example',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
  ])
    test(`is answered 421 on every route: ${host}`, async () => {
      for (const [method, path] of [
        ['GET', '/loads'],
        ['GET', '/LoaderFile'],
        ['DELETE', '/LoaderFile?status=error'],
        ['POST', '/rpc'],
        ['GET', '/events'],
        ['GET', '/'],
      ] as const) {
        const { status, body } = await call(open, { host }, { method, path });
        assert.equal(status, 421, `${method} ${path}`);
        assert.match(body, /BOX_ROOT_CLIENT_SECRET/);
      }
    });

  for (const host of ['localhost', 'localhost:8888', '127.0.0.1:80', '127.1.2.3:8888', '[::1]:8888', 'LOCALHOST'])
    test(`a caller on this machine is served: ${host}`, async () => {
      assert.equal((await call(open, { host })).status, 200);
    });

  test('with a secret any name is served: the page does not know it', async () => {
    const host = 'loader.example';
    assert.equal((await call(guarded, { host, authorization: basic })).status, 200);
    assert.equal((await call(guarded, { host })).status, 401);
  });
});

describe('a page of another site', () => {
  for (const [what, headers] of [
    ['by its Origin', { origin: 'https://evil.example' }],
    ['by its Origin on another port', { origin: 'http://localhost:3000' }],
    ['from a sandbox or a file', { origin: 'null' }],
    ['by Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['by a form', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ] as const)
    test(`is refused, with a secret or without: ${what}`, async () => {
      for (const [server, more] of [
        [open, {}],
        [guarded, { authorization: basic }],
      ] as const) {
        const { status, body } = await call(
          server,
          { host: 'localhost:8888', ...headers, ...more },
          { method: 'POST', path: '/rpc' },
        );
        assert.equal(status, 403);
        assert.match(body, /other sites/);
      }
    });

  test('may link to the live page, which only its reader sees', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    assert.equal((await call(open, link, { path: '/' })).status, 200);
    assert.equal((await call(open, link, { path: '/loads' })).status, 403);
    assert.equal((await call(open, { ...link, 'sec-fetch-dest': 'iframe' }, { path: '/' })).status, 403);
  });
});

describe('the live page itself', () => {
  for (const [what, headers] of [
    ['on its own address', { host: 'loader.example:8443', origin: 'https://loader.example:8443' }],
    [
      'behind a proxy that has the name',
      { host: '10.0.0.7:8888', origin: 'https://loader.example', 'x-forwarded-host': 'loader.example' },
    ],
    [
      'where the browser vouches for it',
      { host: '10.0.0.7:8888', origin: 'https://loader.example', 'sec-fetch-site': 'same-origin' },
    ],
  ] as const)
    test(`is served ${what}`, async () => {
      assert.equal((await call(guarded, { ...headers, authorization: basic })).status, 200);
    });
});
