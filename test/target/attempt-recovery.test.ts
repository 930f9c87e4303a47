import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { AttemptRecovery } from '../../src/target/attempt-recovery.ts';
import { recordDataAttempt } from '../../src/target/direct/data-attempt.ts';
import { fillFence, plantFence } from '../../src/target/direct/data-fence.ts';
import { recordDecision } from '../../src/target/partitioned/commit-decision.ts';
import { identifyFile, tryLockFileInSession, unlockFile } from '../../src/target/partitioned/file-identity.ts';
import { partitionName } from '../../src/target/partitioned/partition-backends.ts';
import { listPrepared } from '../../src/target/partitioned/prepared-transaction.ts';
import { startAttemptParts } from '../support/attempt-parts.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchedSession } from '../support/watched-session.ts';

const { connection, pool, task, claimed, leavePrepared, skip, statusOf, idsIn } = await startAttemptParts({ after });
const going = new AbortController().signal;

const recoveryOf = (t: TestContext) => {
  // It has not started: it looks only when it is told to.
  const recovery = new AttemptRecovery(pool, pino({ level: 'silent' }));
  t.after(() => recovery.close());
  return recovery;
};

/** A partition’s backend of an attempt that is over; whether it is still there. */
const strayOf = async (t: TestContext, key: string) => {
  const { isThere } = await watchedSession(t, { ...connection, application_name: partitionName(key, 'dead') });
  return isThere;
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

  test('waits for nobody once the load is stopped', async () => {
    const file = await decided('stopped.ndjson');
    const other = await pool.connect();
    assert.equal(await tryLockFileInSession(other, (await identifyFile(pool, file.id)).key), true);
    const recovery = new AttemptRecovery(pool, pino({ level: 'silent' }));
    await recovery.complete(task.bucket, AbortSignal.abort());
    assert.equal(await statusOf(file), 'in-progress');
    other.release(true);
    await recovery.complete(task.bucket, going);
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

describe('what attempts have left', { skip }, () => {
  test('is looked for again and again, for as long as the process lives', async (t) => {
    const recovery = recoveryOf(t);
    // While a load goes on it is every second.
    recovery.loadBegins();
    await recovery.start();
    for (const look of [1, 2]) {
      const file = await decided(`look-${look}.ndjson`);
      await waitFor(async () => (await statusOf(file)) === 'done', { what: `look ${look}` });
    }
  });

  test('of an attempt that is over, a fence, goes at the first look', async (t) => {
    const over = randomUUID();
    await plantFence(pool, over);
    await fillFence(pool, over, { loaded: 1, counts: {} });
    await recoveryOf(t).look();
    assert.equal(
      (await pool.query('select from fhir_bucket_loader.data_fence where attempt = $1', [over])).rowCount,
      0,
    );
  });

  test('of two attempts at a file the one that is decided is committed, and the other’s rows are not', async (t) => {
    const file = await claimed('two.ndjson', 'Patient', [{ id: 'two' }]);
    const attempt = randomUUID();
    await leavePrepared(file, 'row of the earlier');
    await leavePrepared(file, 'row of the decided', attempt);
    await recordDecision(pool, file.id, { attempt, partitions: 1, loaded: 1 });
    await recoveryOf(t).look();
    assert.deepEqual(await idsIn('Patient'), ['row of the decided']);
    assert.deepEqual([await statusOf(file), await listPrepared(pool)], ['done', []]);
  });

  test('a partition’s backend is ended, unless somebody has the file', async (t) => {
    const { key } = await identifyFile(pool, 'some file');
    const isThere = await strayOf(t, key);
    const owner = await pool.connect();
    t.after(() => owner.release(true));
    assert.equal(await tryLockFileInSession(owner, key), true);
    const recovery = recoveryOf(t);
    await recovery.look();
    assert.equal(isThere(), true);
    await unlockFile(owner, key);
    await recovery.look();
    await waitFor(() => !isThere(), { what: 'the end of the backend' });
    assert.equal(await tryLockFileInSession(owner, key), true, 'nobody has it any more');
  });

  test('a backend is left alone that commits what is decided, of whatever queue of the database', async (t) => {
    await pool.query(
      `insert into fhir_bucket_loader.commit_decision (queue, loader_file, attempt, partitions, loaded) values (1, 'a file', 'dead', 1, 1)`,
    );
    const { rows } = await pool.query<{ key: string }>(`select substr(md5('1:a file'), 1, 16) as key`);
    const isThere = await strayOf(t, rows[0]?.key ?? '');
    const recovery = recoveryOf(t);
    await recovery.look();
    assert.equal(isThere(), true);
    await pool.query('delete from fhir_bucket_loader.commit_decision where queue = 1');
    await recovery.look();
    await waitFor(() => !isThere(), { what: 'the end of the backend' });
  });

  test('one that cannot be resolved keeps no other from it', async (t) => {
    const held = await decided('held.ndjson');
    const free = await decided('free.ndjson');
    await pool.query(`
      create function refuse_one() returns trigger language plpgsql as $$ begin
        if new.id = '${held.id}' then raise 'not this one'; end if; return new; end $$;
      create trigger refuse_one before update on loaderfile for each row execute function refuse_one()`);
    const recovery = recoveryOf(t);
    await recovery.look();
    assert.deepEqual([await statusOf(held), await statusOf(free)], ['in-progress', 'done']);
    await assert.rejects(recovery.complete(task.bucket, going), /not this one/);
    await pool.query('drop function refuse_one cascade');
    await recovery.complete(task.bucket, going);
    assert.equal(await statusOf(held), 'done');
  });
});
