import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { z } from 'zod';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const errorSchema = z.object({ message: z.string() }).loose();
const documentSchema = z.object({
  methods: z.array(
    z.object({
      name: z.string(),
      errors: z.array(
        z.object({
          code: z.int(),
          message: z.string(),
          data: z
            .object({ samples: z.array(z.object({ params: z.looseObject({}).optional(), error: errorSchema })) })
            .optional(),
        }),
      ),
    }),
  ),
});
const { methods } = documentSchema.parse(await (await fetch(`${server.url}/openrpc.json`)).json());

test('each sample of an error in openrpc.json is what the server answers to those params', async () => {
  let samples = 0;
  for (const { name, errors } of methods) {
    const codes = errors.map(({ code }) => code);
    assert.deepEqual(codes, [...new Set(codes)], 'one error a code');
    const refused = errors.find(({ code }) => code === 422);
    assert.ok((refused?.data?.samples.length ?? 0) > 0, name);
    for (const { params, error } of refused?.data?.samples ?? []) {
      const { status, body } = await server.rpc(name, params);
      assert.deepEqual({ status, error: body.error }, { status: 422, error }, name);
      samples++;
    }
  }
  assert.ok(samples >= 2 * 7);
});

test('so are those of requests that reach no method', async (t) => {
  const guarded = await startTestServer(t, { env: { BOX_ROOT_CLIENT_SECRET: 'samples-secret' } });
  const json = { 'content-type': 'application/json' };
  const post = (url: string, headers: Record<string, string>, body: string) =>
    fetch(`${url}/rpc`, { method: 'POST', headers, body });
  const answers: Readonly<Record<number, Promise<Response>>> = {
    400: post(server.url, json, '[]'),
    401: post(guarded.url, { ...json, authorization: `Basic ${Buffer.from('root:wrong').toString('base64')}` }, '{}'),
    403: post(server.url, { ...json, origin: 'https://elsewhere.example' }, '{}'),
    413: post(server.url, json, JSON.stringify('x'.repeat(2 ** 20))),
    415: post(server.url, { 'content-type': 'text/plain' }, '{}'),
  };
  const sampled = (methods[0]?.errors ?? []).filter(({ code, data }) => data !== undefined && code !== 422);
  assert.deepEqual(
    sampled.map(({ code }) => String(code)),
    [...Object.keys(answers), '500'],
  );
  for (const { code, data } of sampled) {
    const answer = answers[code];
    // The one that nobody can provoke; its text is the error handler's own, which test/errors holds.
    if (answer === undefined) continue;
    const response = await answer;
    assert.equal(response.status, code);
    assert.deepEqual(await response.json(), data?.samples[0]);
  }
});
