import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type ComparedFile, compareListing } from '../../src/load/compare-listing.ts';
import type { FileListing } from '../../src/load/list-files.ts';
import { addLoaderFiles, type NewLoaderFile } from '../../src/store/loader-file/add-loader-files.ts';
import { migratedClient } from '../support/migrated-client.ts';

const client = await migratedClient({ after });

const BUCKET = 's3://b';
const file = (key: string): NewLoaderFile => ({ key, type: 'Patient', etag: 'now', size: 1 });
const OWN = Array.from({ length: 50 }, (_, n) => file(`own/Patient-${n}.ndjson`));
await addLoaderFiles(client, BUCKET, OWN);
await client.query(`update loaderfile set resource = resource || '{"status": "done"}'`);

const listing = (...pages: NewLoaderFile[][]): FileListing => ({
  ignored: { count: 0, examples: [], isAll: false },
  withheld: { count: 0, examples: [] },
  emptyPrefixes: [],
  *files() {
    yield* pages;
  },
});
const compared = async (...pages: NewLoaderFile[][]) => {
  const files: ComparedFile[] = [];
  for await (const page of compareListing(client, BUCKET, listing(...pages), { reloadChanged: true }))
    files.push(...page);
  return files;
};

test('where each object has a LoaderFile of the loader, they are read by id, once a page, and no others', async (t) => {
  const query = t.mock.method(client, 'query');
  const files = await compared(OWN.slice(0, 25), OWN.slice(25));
  assert.deepEqual([...new Set(files.map(({ standing }) => standing))], ['done']);
  assert.deepEqual(
    files.map(({ number }) => number),
    OWN.map((_, n) => n),
  );
  assert.equal(query.mock.callCount(), 2);
});

test('where one has none, those that others wrote are read, once', async (t) => {
  const [theirs, alsoTheirs, fresh] = [file('theirs/Patient.ndjson'), OWN[0] ?? file(''), file('new/Patient.ndjson')];
  for (const [id, { key }] of [
    ['theirs-1', theirs],
    ['theirs-2', alsoTheirs],
  ] as const)
    await client.query(`insert into loaderfile (id, txid, status, resource) values ($1, 1, 'created', $2)`, [
      id,
      { bucket: BUCKET, file: key, type: 'Patient', size: 2, status: 'done' },
    ]);
  const query = t.mock.method(client, 'query');
  const files = await compared([alsoTheirs, theirs], [fresh], [file('new/Patient-2.ndjson')]);
  // The loader knows best what it has loaded itself: its own LoaderFile has the ETag.
  assert.deepEqual(
    files.map(({ key, standing, stored }) => [key, standing, stored?.size]),
    [
      [alsoTheirs.key, 'done', 1],
      [theirs.key, 'changed', 2],
      [fresh.key, 'new', undefined],
      ['new/Patient-2.ndjson', 'new', undefined],
    ],
  );
  assert.equal(query.mock.callCount(), 4);
});
