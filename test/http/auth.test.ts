import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createDetachedApp } from '../support/detached-app.ts';

const app = await createDetachedApp(
  { after },
  { BOX_ROOT_CLIENT_ID: 'root', BOX_ROOT_CLIENT_SECRET: 'open sesame: ä' },
);

describe('HTTP Basic authentication', () => {
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  const call = async (authorization: string | undefined, method: 'GET' | 'POST' | 'DELETE' = 'POST', url = '/rpc') => {
    const answer = await app.inject({
      method,
      url,
      headers: authorization === undefined ? {} : { authorization },
      ...(method === 'POST' ? { payload: { method: 'nope' } } : {}),
    });
    return {
      status: answer.statusCode,
      message: answer.json().error?.message,
      challenge: answer.headers['www-authenticate'],
    };
  };

  test('the right id and secret get through to the method', async () => {
    const answer = await call(basic('root', 'open sesame: ä'));
    assert.equal(answer.status, 404);
    assert.match(answer.message, /^Unknown method nope/);
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
    assert.match(String((await call(undefined)).challenge), /^Basic realm="fhir-bucket-loader"/);
  });

  test('a health probe needs no credentials', async () => {
    const answer = await app.inject('/health');
    assert.deepEqual([answer.statusCode, answer.json()], [200, { status: 'ok' }]);
  });
});
