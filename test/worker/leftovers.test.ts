import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { identifyFile } from '../../src/target/partitioned/file-identity.ts';
import { gidOf, listPrepared, prepareTransaction } from '../../src/target/partitioned/prepared-transaction.ts';
import { BatchAttempt } from '../../src/worker/batch-attempt.ts';
import { loadFile } from '../../src/worker/load-file.ts';
import { type ClaimedFile, startAttemptParts } from '../support/attempt-parts.ts';

const { pool, options, task, claimed, statusOf, idsIn } = await startAttemptParts({ after });

const {
  rows: [{ slots } = { slots: 0 }],
} = await pool.query<{ slots: number }>(
  `select setting::int as slots from pg_settings where name = 'max_prepared_transactions'`,
);
const skip = slots === 0 && 'the server has no two-phase commit';

/**
 * Leaves a prepared transaction of the file with one row, as an attempt over several backends does whose replica died. It is no row of the
 * file: an attempt that does not resolve it goes on, where it would otherwise wait for ever.
 */
const leaveRow = async ({ id }: ClaimedFile, row: string) => {
  const client = await pool.connect();
  await client.query(`begin; insert into patient (id, txid, status, resource) values ('${row}', 1, 'created', '{}')`);
  await prepareTransaction(client, gidOf(await identifyFile(client, id), randomUUID(), 0));
  client.release();
};

test('a file by itself resolves what an earlier attempt has left of it before its rows are written', {
  skip,
}, async () => {
  const file = await claimed('single.ndjson', 'Patient', [{ id: 'single' }]);
  await leaveRow(file, 'single-left');
  const { kind } = await loadFile({ ...task, ...file }, options);
  assert.deepEqual([kind, await statusOf(file), await listPrepared(pool, file.id)], ['done', 'done', []]);
  assert.deepEqual(await idsIn('Patient'), ['single']);
});

test('a batch passes over a file of which an earlier attempt has left something, and loads the others', {
  skip,
}, async () => {
  const left = await claimed('left.ndjson', 'Patient', [{ id: 'batch-1' }]);
  const free = await claimed('free.ndjson', 'Patient', [{ id: 'batch-2' }]);
  await leaveRow(left, 'batch-left');
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
