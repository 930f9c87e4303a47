import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ensureResourceTable } from '../../src/store/ensure-resource-table.ts';
import { DirectCopy } from '../../src/target/direct/direct-copy.ts';
import { loadFile } from '../../src/worker/load-file.ts';
import { startAttemptParts } from '../support/attempt-parts.ts';

const { pool, options, task, claimed, idsIn, statusOf } = await startAttemptParts({ after }, { isDirect: true });

test('rows that need the primary key are not committed by a data connection where it does not stand, though nothing says that it was dropped', async () => {
  const file = await claimed('Patient.ndjson', 'Patient', [{ id: 'one' }]);
  await pool.query('alter table patient drop constraint patient_pkey');
  const outcome = await loadFile({ ...task, ...file }, options);
  assert.ok(outcome.kind === 'retry');
  assert.match(outcome.failure.message, /the primary key was dropped meanwhile/);
  assert.deepEqual(await idsIn('Patient'), []);
  assert.equal(
    (await loadFile({ ...task, ...file, requiresPrimaryKey: false }, options)).kind,
    'lost',
    'it is in the queue',
  );
});

test('a primary key that a data transaction has seen stays until its end', async () => {
  const table = await ensureResourceTable(pool, 'Person', { distribute: false });
  const copy = new DirectCopy(options.dataNodes.next(), 'some-file');
  await copy.open();
  await copy.requireKey(table);
  // One message is one transaction.
  const drop = 'set local lock_timeout = 1; alter table person drop constraint person_pkey';
  await assert.rejects(pool.query(drop), { code: '55P03' });
  await copy.rollback();
  copy.release();
});

test('a file whose rows a data connection has committed is done, though the statement that says so has failed', async (t) => {
  // Those who recover say it by another statement.
  await pool.query(`
    create function refuse_done() returns trigger language plpgsql as $$ begin
      if new.resource ->> 'status' = 'done' and current_query() not like '%data_attempt%' then raise 'not so'; end if;
      return new; end $$;
    create trigger refuse_done before update on loaderfile for each row execute function refuse_done()`);
  t.after(() => pool.query('drop function refuse_done cascade'));
  const file = await claimed('done.ndjson', 'Person', [{ id: 'in' }]);
  assert.equal((await loadFile({ ...task, ...file }, options)).kind, 'done');
  assert.deepEqual([await statusOf(file), await idsIn('Person')], ['done', ['in']]);
  assert.equal(
    (await pool.query('select from fhir_bucket_loader.data_attempt where loader_file = $1', [file.id])).rowCount,
    0,
  );
});
