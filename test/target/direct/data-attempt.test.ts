import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { createPool } from '../../../src/store/create-pool.ts';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { loaderFileId } from '../../../src/store/loader-file/loader-file.ts';
import { ask } from '../../../src/store/statement.ts';
import {
  closeDataAttempt,
  completeAttempt,
  DATA_ATTEMPTS,
  hasOrphanedAttempt,
  isOpen,
  lockForAttempt,
  recordDataAttempt,
  requeueAttempt,
  tryLockAttempt,
} from '../../../src/target/direct/data-attempt.ts';
import { fillFence, plantFence } from '../../../src/target/direct/data-fence.ts';
import { lastFirst } from '../../support/last-first.ts';
import { createMigratedDatabase } from '../../support/test-database.ts';

const BUCKET = 's3://attempted';
const parts = lastFirst({ after });
const { connection } = await createMigratedDatabase(parts);
const pool = createPool(connection, { max: 3, onIdleError: () => {} });
parts.after(() => pool.end());
const id = loaderFileId(BUCKET, 'Patient.ndjson');
const mine = { id, attempt: 'mine' };
const another = { id, attempt: 'another' };

const statusIs = (status: string) =>
  pool.query(`update loaderfile set resource = resource || jsonb_build_object('status', $1::text)`, [status]);
const queueAgain = async () => {
  await pool.query('truncate loaderfile');
  await addLoaderFiles(pool, BUCKET, [{ key: 'Patient.ndjson', type: 'Patient' }]);
  await statusIs('in-progress');
};
const stored = async () => {
  const { rows } = await pool.query<{ resource: Record<string, unknown> }>('select resource from loaderfile');
  return rows[0]?.resource ?? {};
};

beforeEach(async () => {
  await pool.query('truncate fhir_bucket_loader.data_attempt, fhir_bucket_loader.data_fence');
  await queueAgain();
  await recordDataAttempt(pool, mine);
});

/** Does something while another session has this locked; waiting for it is an error. */
async function besides(lock: string, work: (session: typeof pool) => Promise<void>): Promise<void> {
  const other = await pool.connect();
  const bounded = createPool(connection, { max: 1, onIdleError: () => {} });
  bounded.on('connect', (client) => void client.query(`set lock_timeout = '5s'`));
  try {
    await other.query(`begin; ${lock}`);
    await work(bounded);
  } finally {
    other.release(true);
    await bounded.end();
  }
}

test('an attempt has its file while that is in progress, the same LoaderFile, in nobody’s hands and not resolved', async () => {
  assert.equal(await lockForAttempt(pool, mine), true);
  assert.equal(await lockForAttempt(pool, another), false);
  await besides('select from loaderfile for update', async (session) => {
    assert.equal(await lockForAttempt(session, mine), false);
  });
  await statusIs('pending');
  assert.equal(await lockForAttempt(pool, mine), false);
  await queueAgain();
  assert.equal(await lockForAttempt(pool, mine), false, 'it was deleted, and queued again');
});

test('it is resolved by one at a time', async () => {
  assert.equal(await tryLockAttempt(pool, mine), true);
  assert.equal(await tryLockAttempt(pool, another), false);
  await besides('select from fhir_bucket_loader.data_attempt for update', async (session) => {
    assert.equal(await tryLockAttempt(session, mine), false);
    assert.equal(await isOpen(session, mine), true);
  });
  await closeDataAttempt(pool, another);
  assert.equal(await isOpen(pool, mine), true);
  await closeDataAttempt(pool, mine);
  assert.equal(await isOpen(pool, mine), false);
});

test('its file becomes done with its counts, or goes back to the queue; not one that was queued since, nor by another attempt', async () => {
  const data = { loaded: 5, counts: { references: { resolved: 1 } } };
  await pool.query(
    `update loaderfile set resource = resource || '{"message": "57P01: once", "error": {"code": "57P01"}}'`,
  );
  await completeAttempt(pool, another, data);
  await requeueAttempt(pool, another);
  assert.equal((await stored())['status'], 'in-progress');
  await completeAttempt(pool, mine, data);
  const { status, loaded, references, message, error } = await stored();
  assert.deepEqual([status, loaded, references, message, error], ['done', 5, { resolved: 1 }, undefined, undefined]);
  await requeueAttempt(pool, mine);
  assert.equal((await stored())['status'], 'done');
  await queueAgain();
  await completeAttempt(pool, mine, data);
  await requeueAttempt(pool, mine);
  assert.equal((await stored())['status'], 'in-progress');
});

test('where its LoaderFile was deleted the bucket is not over, also when the object was queued again', async () => {
  assert.equal(await hasOrphanedAttempt(pool, BUCKET), false);
  await queueAgain();
  assert.equal(await hasOrphanedAttempt(pool, BUCKET), true);
  assert.equal(await hasOrphanedAttempt(pool, 's3://another'), false);
  await pool.query('truncate loaderfile');
  assert.equal(await hasOrphanedAttempt(pool, BUCKET), true);
});

test('one of another schema’s loader, at the same object, whose file has the same id, is not this one’s', async () => {
  await pool.query('update fhir_bucket_loader.data_attempt set queue = 0');
  assert.deepEqual(await ask(pool, DATA_ATTEMPTS), []);
  assert.deepEqual([await isOpen(pool, mine), await lockForAttempt(pool, mine)], [false, false]);
});

test('none is written down for a file that is gone, nor is it said to have rows whose fence is gone', async () => {
  await pool.query('truncate loaderfile, fhir_bucket_loader.data_attempt');
  await assert.rejects(recordDataAttempt(pool, mine), { message: `LoaderFile ${id} is gone` });
  await assert.rejects(fillFence(pool, 'mine', { loaded: 1, counts: {} }), { message: /is gone/ });
  assert.equal(await plantFence(pool, 'mine'), true);
  assert.equal(await plantFence(pool, 'mine'), false, 'it was given up');
});
