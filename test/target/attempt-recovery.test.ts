import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { AttemptRecovery } from '../../src/target/attempt-recovery.ts';
import { recordDataAttempt } from '../../src/target/direct/data-attempt.ts';
import { fillFence, plantFence } from '../../src/target/direct/data-fence.ts';
import { recordDecision } from '../../src/target/partitioned/commit-decision.ts';
import { identifyFile, tryLockFileInSession, unlockFile } from '../../src/target/partitioned/file-identity.ts';
import { startAttemptParts } from '../support/attempt-parts.ts';
import { waitFor } from '../support/wait-for.ts';

const { pool, task, claimed, statusOf } = await startAttemptParts({ after });
const going = new AbortController().signal;

const recoveryOf = (t: TestContext) => {
  // It has not started: it looks only when it is told to.
  const recovery = new AttemptRecovery(pool, pino({ level: 'silent' }));
  t.after(() => recovery.close());
  return recovery;
};

/** A file whose rows are in, and whose `done` is missing. */
const decided = async (key: string) => {
  const file = await claimed(key, 'Patient', [{ id: key }]);
  await recordDecision(pool, file.id, { attempt: 'dead', partitions: 0, loaded: 1 });
  return file;
};

describe('the end of a load', () => {
  test('leaves no file of the bucket that is decided and not done', async (t) => {
    const file = await decided('decided.ndjson');
    await recoveryOf(t).complete(task.bucket, going);
    assert.equal(await statusOf(file), 'done');
  });

  test('waits while somebody else resolves one', async (t) => {
    const file = await decided('busy.ndjson');
    const recovery = recoveryOf(t);
    const { key } = await identifyFile(pool, file.id);
    const other = await pool.connect();
    assert.equal(await tryLockFileInSession(other, key), true);
    const seen = recovery.complete(task.bucket, going).then(() => statusOf(file));
    // Meanwhile it has looked, and found the file locked.
    await recovery.look();
    await recovery.look();
    assert.equal(await statusOf(file), 'in-progress');
    await unlockFile(other, key);
    other.release();
    assert.equal(await seen, 'done');
  });

  test('leaves no attempt of the bucket whose rows are in by a data connection, though its LoaderFile was deleted', async (t) => {
    const file = await claimed('deleted.ndjson', 'Patient', [{ id: 'deleted' }]);
    const attempt = { id: file.id, attempt: randomUUID() };
    await recordDataAttempt(pool, attempt);
    await pool.query('delete from loaderfile where id = $1', [file.id]);
    const data = await pool.connect();
    await data.query('begin');
    await plantFence(data, attempt.attempt);
    await fillFence(data, attempt.attempt, { loaded: 1, counts: {} });
    const recovery = recoveryOf(t);
    const left = async () => (await pool.query('select from fhir_bucket_loader.data_attempt')).rowCount;
    const seen = recovery.complete(task.bucket, going).then(left);
    const waits = async () =>
      (
        await pool.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
              and query like 'insert into fhir_bucket_loader.data_fence%'`,
        )
      ).rowCount === 1;
    await waitFor(waits, { what: 'a look that waits for the data transaction' });
    await waitFor(async () => !(await waits()), { what: 'the end of that look' });
    await data.query('commit');
    data.release();
    assert.equal(await seen, 0);
  });
});
