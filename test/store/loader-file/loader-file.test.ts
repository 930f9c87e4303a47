import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOADER_FILE_ID_PATTERN, loaderFileId, loaderFileSchema } from '../../../src/store/loader-file/loader-file.ts';

test('no two objects share an id, also where bucket and key are the same letters; ids are told from those of others', () => {
  const ids = [
    loaderFileId('s3://ab', 'c.ndjson'),
    loaderFileId('s3://a', 'bc.ndjson'),
    loaderFileId('s3://', 'abc.ndjson'),
    loaderFileId('s3://abc.ndjson', ''),
  ];
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, new RegExp(LOADER_FILE_ID_PATTERN));
});

test('a LoaderFile that somebody else has written is read: what it has of its own is kept, and what it means otherwise is passed over', () => {
  const file = loaderFileSchema.parse({
    bucket: 's3://b',
    file: 'Patient.ndjson',
    references: 'none',
    previous: ['once'],
    meta: { lastUpdated: '2026-01-01' },
  });
  assert.deepEqual([file.file, file.references, file.previous], ['Patient.ndjson', undefined, undefined]);
  assert.deepEqual(file['meta'], { lastUpdated: '2026-01-01' });
});
