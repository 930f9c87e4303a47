import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { REST_TYPES } from '../../src/http/resource-fields.ts';
import { startTestServer } from '../support/test-server.ts';

const RUNS = 600;
const server = await startTestServer({ after });

/** Raw, so that nothing on this side puts the path or the headers in order. */
const ask = (method: string, path: string, headers: Record<string, string>, body: string) =>
  new Promise<number>((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(body);
  });

const names = [
  'status',
  '.status',
  'stauts',
  '_id',
  'id',
  '_count',
  '_page',
  '_sort',
  '_format',
  '_total',
  'error.code',
  'size',
];
names.push('constructor', '__proto__', 'toString', 'start', 'line', 'restore.duration', '_m');
const values = [
  'error',
  'eror',
  '',
  '0',
  '-1',
  '1e9',
  '1000',
  '9'.repeat(30),
  '%00',
  '%',
  '%C3%28',
  '%F0%9F%92%A9',
  ',',
  '\\,',
  "'--",
];
values.push(
  '-status,_id',
  'constructor',
  'yaml',
  'xml',
  '2026-01-01T00:00:00Z',
  'a'.repeat(3_000),
  '%2F..%2F',
  '[1]',
  '{"a":1}',
);
const any = <T>(...items: readonly T[]) => fc.constantFrom(...items);
const text = fc.oneof(any(...values), fc.string({ maxLength: 20 }).map(encodeURIComponent));
const query = fc.array(fc.tuple(fc.oneof(any(...names), text), text), { maxLength: 4 });
const places = REST_TYPES.flatMap((type) => [`/${type}`, `/fhir/${type}`]);
const path = fc
  .tuple(any(...places, '/rpc', '/loads', '/events', '/health', '/ready', '/metrics', '/'), fc.option(text))
  .map(([place, id]) => (id === null ? place : `${place === '/' ? '' : place}/${id.replaceAll(/[^!-~]/g, '')}`));
const formats = any(
  'application/json',
  'text/yaml',
  'application/xml',
  '*/*;q=0',
  'text/*;q=abc',
  ';;,,',
  'text/yaml;q=0, */*',
  '',
);
const bodies = any(
  '',
  '{}',
  '[]',
  'null',
  '"',
  '{"method":1}',
  '{"method":"aidbox.bulk/load-from-bucket-status"}',
  '- &a [*a]',
  '[[[[',
  '\u0000',
);
const call = fc.record({
  method: any('GET', 'GET', 'DELETE', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'PATCH'),
  path,
  query,
  accept: formats,
  type: formats,
  conditional: fc.option(any('remove-all', 'removeall', '')),
  body: bodies,
});

test('no request over HTTP, however odd, is answered 5xx or by a closed connection', { timeout: 600_000 }, async () => {
  await server.load(await server.bucketOf({ 'Patient.ndjson': [{ id: 'a' }], 'Goal.ndjson': '{"id":5}' }));
  await fc.assert(
    fc.asyncProperty(call, async ({ method, path, query, accept, type, conditional, body }) => {
      // An open event stream is an answer without an end.
      fc.pre(!path.startsWith('/events'));
      const search = query
        .map(([name, value]) => `${name}=${value}`)
        .join('&')
        .replaceAll(/[^!-~]/g, '');
      const headers = {
        accept,
        'content-type': type,
        ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        ...(conditional === null ? {} : { 'x-conditional-delete': conditional }),
      };
      const status = await ask(method, search === '' ? path : `${path}?${search}`, headers, body);
      assert.ok(status >= 200 && status < 500, `${status}`);
    }),
    { numRuns: RUNS, seed: 12, endOnFailure: false },
  );
});
