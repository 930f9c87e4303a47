import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import Fastify from 'fastify';
import { noSchemas } from '../../src/http/no-schemas.ts';

const { cache } = createRequire(import.meta.url);
const compilers = () => Object.keys(cache).filter((path) => /(ajv|fast-json-stringify)-compiler\/index/.test(path));

test('a start loads no compilers of JSON schemas, and a route that brings one is refused by name', async () => {
  const server = Fastify(noSchemas());
  server.get('/', async () => ({ n: 1 }));
  assert.deepEqual((await server.inject('/')).json(), { n: 1 });
  assert.deepEqual(compilers(), []);
  const refused = Fastify(noSchemas());
  refused.get(
    '/',
    { schema: { querystring: { type: 'object', properties: { n: { type: 'number' } } } } },
    async () => 1,
  );
  await assert.rejects(async () => await refused.ready(), /no JSON schemas here/);
  // Fastify by itself does.
  Fastify();
  assert.equal(compilers().length, 2);
});
