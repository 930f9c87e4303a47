import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  countDoneFiles,
  countFiles,
  countReferences,
  listBucketTypes,
  listFilesByStatus,
  summarizeFiles,
} from '../../../src/store/loader-file/bucket-files.ts';
import { listForeignFiles } from '../../../src/store/loader-file/listed-files.ts';
import { migratedClient } from '../../support/migrated-client.ts';

const client = await migratedClient({ after });

/** The same files, of which one is done, in each of two buckets; one more in the second. */
const BUCKETS = ['s3://one', 's3://other'];
const references = { resolved: 2, unresolved: { Patient: 1 }, ambiguous: {} };
for (const bucket of BUCKETS) {
  const files = [
    { type: 'Patient', status: 'done', loaded: 3, created: 3, references },
    { type: 'Patient', status: 'in-progress', references },
    { type: 'Goal', status: 'error', message: '23505' },
  ];
  const more = bucket === 's3://other' ? [{ type: 'Device', status: 'done', loaded: 1, references }] : [];
  for (const [n, file] of [...files, ...more].entries())
    await client.query(`insert into loaderfile (id, txid, status, resource) values ($1, 1, 'created', $2)`, [
      `${bucket}-${n}`,
      { bucket, file: `${n}.ndjson`, size: 10, ...file },
    ]);
}

test('what is told of a bucket is of its own files, and of those that are in where it is of their rows', async () => {
  const bucket = 's3://one';
  assert.equal(await countFiles(client, bucket), 3);
  assert.deepEqual(await listBucketTypes(client, bucket), ['Goal', 'Patient']);
  assert.deepEqual(await countDoneFiles(client, bucket), { Patient: 1 });
  assert.deepEqual(await countReferences(client, bucket), references);
  const summary = await summarizeFiles(client, bucket);
  assert.deepEqual(
    summary.map(({ type, status, files, bytes, loaded }) => [type, status, files, bytes, loaded]),
    [
      ['Goal', 'error', 1, 10, 0],
      ['Patient', 'done', 1, 10, 3],
      ['Patient', 'in-progress', 1, 10, 0],
    ],
  );
  const failed = await listFilesByStatus(client, bucket, 'error', 9);
  assert.deepEqual(
    failed.map(({ id }) => id),
    ['s3://one-2'],
  );
  const foreign = await listForeignFiles(client, bucket);
  assert.deepEqual([...foreign.values()].map(({ id }) => id).sort(), ['s3://one-0', 's3://one-1', 's3://one-2']);
});
