import assert from 'node:assert/strict';
import { after, afterEach, describe, type TestContext, test } from 'node:test';
import type pg from 'pg';
import { listDecidedFiles, recordDecision } from '../../../src/target/partitioned/commit-decision.ts';
import {
  type FileIdentity,
  identifyFile,
  tryLockFile,
  tryLockFileInSession,
} from '../../../src/target/partitioned/file-identity.ts';
import { hasBackends, partitionName } from '../../../src/target/partitioned/partition-backends.ts';
import { PartitionedCopy } from '../../../src/target/partitioned/partitioned-copy.ts';
import { listPrepared } from '../../../src/target/partitioned/prepared-transaction.ts';
import { recoverFile } from '../../../src/target/partitioned/recover-file.ts';
import { startAttemptParts } from '../../support/attempt-parts.ts';
import { watchedSession } from '../../support/watched-session.ts';

const { connection, pool, options, claimed, leavePrepared, skip, statusOf, idsIn } = await startAttemptParts({ after });

const connect = (t: TestContext, applicationName = 'holder') =>
  watchedSession(t, { ...connection, application_name: applicationName });

/** A file, an attempt at it over several backends, and a session in a transaction, that may hold it. */
const attemptOf = async (t: TestContext, key: string) => {
  const claim = await claimed(key, 'Patient', []);
  const file = await identifyFile(pool, claim.id);
  const copy = new PartitionedCopy(options.address, file, options.watch);
  t.after(() => copy.close());
  const holder = await connect(t);
  await holder.client.query('begin');
  return { claim, file, copy, holder: holder.client, isHolderThere: holder.isThere };
};

const insert = (client: pg.Client, id: string) =>
  client.query(`insert into patient (id, txid, status, resource) values ($1, 1, 'created', '{}')`, [id]);

/** Whether another session can lock the file. */
const isFree = async (file: FileIdentity) => {
  const client = await pool.connect();
  try {
    await client.query('begin');
    return await tryLockFile(client, file);
  } finally {
    await client.query('rollback');
    client.release();
  }
};

afterEach(() => pool.query('truncate loaderfile, patient, fhir_bucket_loader.commit_decision'));

describe('an attempt over several backends', { skip }, () => {
  test('does not get its file while somebody resolves it, nor while a backend of an earlier attempt is there', async (t) => {
    const { file, copy, holder } = await attemptOf(t, 'lock.ndjson');
    const other = await connect(t);
    assert.equal(await tryLockFileInSession(other.client, file.key), true);
    assert.equal(await copy.lock(holder), false);
    await other.client.query('select pg_advisory_unlock_all()');
    const stray = await connect(t, partitionName(file.key, 'dead'));
    assert.equal(await copy.lock(holder), false);
    // It may be a moment until Postgres shows it no more.
    await stray.client.end();
    await holder.query('rollback; begin');
    while (await hasBackends(pool, file.key)) await pool.query('select pg_stat_clear_snapshot()');
    assert.equal(await copy.lock(holder), true);
  });

  test('begins none where the session that should hold the file does not', async (t) => {
    const { copy, holder } = await attemptOf(t, 'lost.ndjson');
    await assert.rejects(copy.open(holder, 2), /the session that holds the file was lost/);
  });

  test('waits in none of them for ever: what contradicts itself in two of its backends would', async (t) => {
    const { copy, holder } = await attemptOf(t, 'bounded.ndjson');
    assert.equal(await copy.lock(holder), true);
    await copy.open(holder, 2);
    for (const client of [holder, ...copy.clients])
      assert.deepEqual((await client.query('show lock_timeout')).rows, [{ lock_timeout: '10s' }]);
  });

  test('is undone whole, prepared or not, and nobody else’s with it', async (t) => {
    const { claim, file, copy, holder } = await attemptOf(t, 'undone.ndjson');
    await leavePrepared(claim, 'of-another');
    assert.equal(await copy.lock(holder), true);
    await copy.open(holder, 2);
    for (const [n, client] of copy.clients.entries()) await insert(client, `undone-${n}`);
    await copy.prepare(holder, 2);
    await holder.query('rollback');
    const [first] = copy.clients;
    // Postgres does not notice that its client has gone.
    first?.query('begin; select pg_sleep(600)').catch(() => {});
    await copy.undo(pool);
    assert.equal(await hasBackends(pool, file.key), false);
    assert.equal((await listPrepared(pool, claim.id)).length, 1);
    const session = await pool.connect();
    await recoverFile(session, file, 0);
    session.release();
    assert.deepEqual([await listPrepared(pool, claim.id), await idsIn('Patient')], [[], []]);
  });

  test('whose end is unknown is resolved by another one’s decision, and its holder has no more say', async (t) => {
    const { claim, copy, holder, isHolderThere } = await attemptOf(t, 'unknown.ndjson');
    assert.equal(await copy.lock(holder), true);
    await copy.open(holder, 1);
    await recordDecision(pool, claim.id, { attempt: 'another', partitions: 0, loaded: 3 });
    await copy.recover(pool);
    await assert.rejects(holder.query('commit'));
    assert.equal(isHolderThere(), false);
    assert.deepEqual([await statusOf(claim), await listDecidedFiles(pool)], ['done', []]);
  });
});

describe('a file that is resolved', { skip }, () => {
  test('is in nobody’s hands afterwards, decided or not', async () => {
    for (const isDecided of [true, false]) {
      const { id } = await claimed(`${isDecided}.ndjson`, 'Patient', []);
      if (isDecided) await recordDecision(pool, id, { attempt: 'dead', partitions: 0, loaded: 0 });
      const file = await identifyFile(pool, id);
      const session = await pool.connect();
      assert.deepEqual(await recoverFile(session, file, 0), isDecided ? { committed: 'dead' } : {});
      assert.equal(await isFree(file), true);
      session.release();
    }
  });

  test('keeps the backends that commit what is decided', async (t) => {
    const { id } = await claimed('committing.ndjson', 'Patient', []);
    const file = await identifyFile(pool, id);
    const committing = await connect(t, partitionName(file.key, 'mine'));
    await recordDecision(pool, id, { attempt: 'mine', partitions: 0, loaded: 0 });
    const session = await pool.connect();
    await recoverFile(session, file, 0);
    session.release();
    assert.deepEqual((await committing.client.query('select 1 as one')).rows, [{ one: 1 }]);
  });
});
