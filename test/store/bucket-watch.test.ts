import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { holdWatch, listWatches, recordListing, saveWatch } from '../../src/store/bucket-watch/bucket-watch.ts';
import { migratedClient } from '../support/migrated-client.ts';

const client = await migratedClient({ after });
const bucket = 's3://watched';
const FIRST = '11111111-1111-4111-8111-111111111111';
const SECOND = '22222222-2222-4222-8222-222222222222';
const save = (watch: string) =>
  saveWatch(client, {
    bucket,
    watch,
    params: { prefixes: [] },
    caller: { via: 'api' },
    every: '15m',
    everyMs: 900_000,
    process: null,
  });

test('a watch that another one has taken the place of holds nothing, and its listings say nothing of the new one', async () => {
  await save(FIRST);
  await recordListing(client, { bucket, watch: FIRST }, { nextInMs: 1_000, failure: 'no such bucket' });
  await save(SECOND);
  assert.deepEqual([await holdWatch(client, bucket, FIRST), await holdWatch(client, bucket, SECOND)], [false, true]);
  await recordListing(client, { bucket, watch: FIRST }, { nextInMs: 1_000, failure: 'late' });
  const [{ watch, failures, message } = {}] = await listWatches(client, bucket);
  assert.deepEqual({ watch, failures, message }, { watch: SECOND, failures: 0, message: null });
});
