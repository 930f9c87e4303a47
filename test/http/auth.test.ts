import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer(
  { after },
  { env: { BOX_ROOT_CLIENT_ID: 'root', BOX_ROOT_CLIENT_SECRET: 'open sesame: ä' } },
);

describe('HTTP Basic authentication', () => {
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  const call = async (authorization: string | undefined, method = 'POST', path = '/rpc') => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(method === 'POST'
        ? { body: '{"method":"aidbox.bulk/load-from-bucket-status","params":{"bucket":"s3://none"}}' }
        : {}),
    });
    const { error } = JSON.parse(await response.text());
    return { status: response.status, message: error?.message, challenge: response.headers.get('www-authenticate') };
  };

  test('the right id and secret get through to the method', async () => {
    const answer = await call(basic('root', 'open sesame: ä'));
    assert.equal(answer.status, 422);
    assert.match(answer.message, /was never loaded/);
  });

  for (const [what, authorization] of [
    ['no credentials', undefined],
    ['a wrong secret', basic('root', 'open sesame')],
    ['a wrong id', basic('admin', 'open sesame: ä')],
    ['an empty secret', basic('root', '')],
    ['another scheme', 'Bearer root'],
  ] as const)
    test(`401 to ${what}, on every route but /health`, async () => {
      for (const [method, path] of [
        ['POST', '/rpc'],
        ['GET', '/LoaderFile'],
        ['DELETE', '/fhir/DisabledIndex/1'],
      ] as const) {
        const { status, message } = await call(authorization, method, path);
        assert.equal(status, 401, `${method} ${path}`);
        assert.match(message, /client id (and|or) secret/);
      }
    });

  test('a client without credentials is told the scheme', async () => {
    assert.match((await call(undefined)).challenge ?? '', /^Basic realm="fhir-bucket-loader"/);
  });

  test('a health probe needs no credentials', async () => {
    const response = await fetch(`${server.url}/health`);
    assert.deepEqual([response.status, await response.json()], [200, { status: 'ok' }]);
  });
});
