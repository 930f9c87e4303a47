import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { loadBatch } from '../../src/worker/load-batch.ts';
import { startAttemptParts } from '../support/attempt-parts.ts';

const { pool, options, task, claimed, statusOf, idsIn } = await startAttemptParts({ after });

test('a batch leaves alone what somebody else is loading, has loaded or has deleted, and loads the others', {
  timeout: 60_000,
}, async () => {
  // Without a key nothing else would keep a row from being written twice.
  const held = await claimed('held.ndjson', 'Patient', [{ id: 'held' }]);
  const done = await claimed('done.ndjson', 'Patient', [{ id: 'done' }]);
  const deleted = await claimed('deleted.ndjson', 'Patient', [{ id: 'deleted' }]);
  const free = await claimed('free.ndjson', 'Patient', [{ id: 'free' }]);
  await pool.query(`update loaderfile set resource = resource || '{"status": "done"}' where id = $1`, [done.id]);
  await pool.query('delete from loaderfile where id = $1', [deleted.id]);
  const holder = await pool.connect();
  await holder.query('begin');
  await holder.query('select from loaderfile where id = $1 for update', [held.id]);
  const outcome = await loadBatch(
    { ...task, requiresPrimaryKey: false, files: [held, done, deleted, free] },
    options,
  ).finally(async () => {
    await holder.query('rollback');
    holder.release();
  });
  assert.ok(outcome.kind === 'batch');
  assert.deepEqual(
    outcome.files.map(({ kind }) => kind),
    ['lost', 'lost', 'lost', 'done'],
  );
  assert.deepEqual(await idsIn('Patient'), ['free']);
  assert.deepEqual(
    [await statusOf(held), await statusOf(done), await statusOf(deleted), await statusOf(free)],
    ['in-progress', 'done', undefined, 'done'],
  );
});
