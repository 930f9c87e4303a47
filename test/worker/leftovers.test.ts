import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { listPrepared } from '../../src/target/partitioned/prepared-transaction.ts';
import { BatchAttempt } from '../../src/worker/batch-attempt.ts';
import { loadFile } from '../../src/worker/load-file.ts';
import { startAttemptParts } from '../support/attempt-parts.ts';

const { pool, options, task, claimed, leavePrepared, skip, statusOf, idsIn } = await startAttemptParts({ after });

test('a file by itself resolves what an earlier attempt has left of it before its rows are written', {
  skip,
}, async () => {
  const file = await claimed('single.ndjson', 'Patient', [{ id: 'single' }]);
  await leavePrepared(file, 'single-left');
  const { kind } = await loadFile({ ...task, ...file }, options);
  assert.deepEqual([kind, await statusOf(file), await listPrepared(pool, file.id)], ['done', 'done', []]);
  assert.deepEqual(await idsIn('Patient'), ['single']);
});

test('a batch passes over a file of which an earlier attempt has left something, and loads the others', {
  skip,
}, async () => {
  const left = await claimed('left.ndjson', 'Patient', [{ id: 'batch-1' }]);
  const free = await claimed('free.ndjson', 'Patient', [{ id: 'batch-2' }]);
  await leavePrepared(left, 'batch-left');
  const client = await options.pool.connect();
  const end = await new BatchAttempt({ ...task, files: [left, free] }, options).run(client);
  client.release();
  assert.ok('files' in end);
  const [first, second] = end.files;
  assert.equal(first, 'alone');
  assert.ok(typeof second === 'object' && second.kind === 'done');
  assert.deepEqual([await statusOf(left), await statusOf(free)], ['in-progress', 'done']);
  assert.equal((await listPrepared(pool, left.id)).length, 1, 'its leftovers are for who loads it by itself');
});
