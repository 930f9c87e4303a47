import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { fieldsOf } from '../../src/http/resource-fields.ts';
import { parseFilters } from '../../src/http/resource-search.ts';
import { startTestServer } from '../support/test-server.ts';

const FIELDS = fieldsOf('LoaderFile', { named: [], everyTable: false });

describe('the values of a filter', () => {
  for (const [given, values] of [
    ['a,b', ['a', 'b']],
    ['a\\,b', ['a,b']],
    ['a\\\\,b', ['a\\', 'b']],
    ['a\\\\\\,b,c', ['a\\,b', 'c']],
    ['\\|\\$\\,\\\\', ['|$,\\']],
    ['a\\b|$', ['a\\b|$']],
    ['a\\', ['a\\']],
  ] as const)
    test(given, () => assert.deepEqual(parseFilters(FIELDS, { file: given }), [{ path: ['file'], values }]));
});

test('a part of a key finds files, in letters of either case; a deletion takes whole values only', async () => {
  const server = await startTestServer({ after });
  const bucket = await server.bucketOf({
    'a/Patient-1.ndjson': '',
    'a_b/Patient-2.ndjson': '',
    'c/Observation.ndjson': '',
  });
  await server.load(bucket);
  const at = (query: string) => `${server.url}/LoaderFile?_sort=file&bucket=s3://${bucket}&${query}`;
  const filesAt = async (query: string) => {
    const { entry } = (await (await fetch(at(query))).json()) as { entry: { resource: { file: string } }[] };
    return entry.map(({ resource }) => resource.file);
  };
  assert.deepEqual(await filesAt('file:contains=patient'), ['a/Patient-1.ndjson', 'a_b/Patient-2.ndjson']);
  // No pattern: the characters stand for themselves.
  assert.deepEqual(await filesAt('file:contains=A_B'), ['a_b/Patient-2.ndjson']);
  assert.deepEqual(await filesAt('file:contains=%25'), []);
  assert.deepEqual(await filesAt('file:contains=t-1,observ'), ['a/Patient-1.ndjson', 'c/Observation.ndjson']);
  const refused = await fetch(at('status:contains=err'));
  assert.equal(refused.status, 422);
  assert.match(await refused.text(), /status:contains.*|:contains goes with fields of free text only/);
  const deletion = await fetch(`${server.url}/LoaderFile?file:contains=patient`, {
    method: 'DELETE',
    headers: { 'x-conditional-delete': 'remove-all' },
  });
  assert.equal(deletion.status, 422);
  assert.equal((await filesAt('status=done')).length, 3);
});

test('a filter whose name every object knows is refused, and deletes nothing', async () => {
  const server = await startTestServer({ after });
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': '' });
  await server.load(bucket);
  const files = async () => {
    const response = await fetch(`${server.url}/LoaderFile?bucket=s3://${bucket}`);
    return ((await response.json()) as { entry: { resource: { id: string } }[] }).entry;
  };
  const [file] = await files();
  for (const name of ['__proto__', 'constructor', 'toString', '__proto__:contains']) {
    for (const [method, path] of [
      ['DELETE', '/LoaderFile'],
      ['GET', '/LoaderFile'],
      ['GET', `/LoaderFile/${file?.resource.id}`],
      ['DELETE', `/LoaderFile/${file?.resource.id}`],
    ] as const) {
      const headers = { 'x-conditional-delete': 'remove-all' };
      const response = await fetch(`${server.url}${path}?${name}=x`, { method, headers });
      assert.equal(response.status, 422, `${method} ${path}?${name}`);
      assert.ok((await response.text()).includes(name));
    }
  }
  assert.equal((await files()).length, 1);
});

test('a file with a comma in its name is found and deleted, written as FHIR’s searches write it', async () => {
  const server = await startTestServer({ after });
  const bucket = await server.bucketOf({
    'Patient-a,b.ndjson': '',
    'Patient-a.ndjson': '',
    'Patient-b\\,c.ndjson': '',
  });
  await server.load(bucket);
  const filesAt = async (query: string) => {
    const response = await fetch(`${server.url}/LoaderFile?_sort=file&${query}`);
    const { entry } = (await response.json()) as { entry: { resource: { file: string } }[] };
    return entry.map(({ resource }) => resource.file);
  };
  assert.deepEqual(await filesAt('file=Patient-a,b.ndjson'), []);
  assert.deepEqual(await filesAt('file=Patient-a\\,b.ndjson'), ['Patient-a,b.ndjson']);
  assert.deepEqual(await filesAt('file=Patient-a%5C%2Cb.ndjson,Patient-a.ndjson'), [
    'Patient-a,b.ndjson',
    'Patient-a.ndjson',
  ]);
  assert.deepEqual(await filesAt('file=Patient-b\\\\\\,c.ndjson'), ['Patient-b\\,c.ndjson']);

  const deleted = await fetch(`${server.url}/LoaderFile?file=Patient-a\\,b.ndjson`, { method: 'DELETE' });
  assert.equal(deleted.status, 200);
  assert.deepEqual(await filesAt(`bucket=s3://${bucket}`), ['Patient-a.ndjson', 'Patient-b\\,c.ndjson']);
});
