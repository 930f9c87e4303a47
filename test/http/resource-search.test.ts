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
