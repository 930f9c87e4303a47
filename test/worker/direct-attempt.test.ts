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

test('what says whose the rows are, and that they are in, is on disk before the next step, whatever the role’s default is', async (t) => {
  // The tests' own Postgres has `synchronous_commit` off. A sequence remembers what is rolled back, too.
  await pool.query(`
    create sequence lazily;
    create function note_lazy() returns trigger language plpgsql as $$ begin
      if current_setting('synchronous_commit') <> 'on' then perform nextval('lazily'); end if;
      return coalesce(new, old); end $$;
    create trigger note_lazy before insert or delete on fhir_bucket_loader.data_attempt for each row execute function note_lazy();
    create trigger note_lazy before insert or update on fhir_bucket_loader.data_fence for each row execute function note_lazy()`);
  t.after(() => pool.query('drop function note_lazy cascade; drop sequence lazily'));
  const file = await claimed('durable.ndjson', 'Person', [{ id: 'durable' }]);
  assert.equal((await loadFile({ ...task, ...file }, options)).kind, 'done');
  assert.deepEqual((await pool.query('select is_called from lazily')).rows, [{ is_called: false }]);
});

test('a file whose rows could not be counted as in has none, and says nothing of them', async (t) => {
  await pool.query(`
    create function refuse_fence() returns trigger language plpgsql as $$ begin raise 'not so'; end $$;
    create trigger refuse_fence before update on fhir_bucket_loader.data_fence for each row execute function refuse_fence()`);
  t.after(() => pool.query('drop function refuse_fence cascade'));
  const file = await claimed('unfenced.ndjson', 'Person', [{ id: 'unfenced' }]);
  assert.equal((await loadFile({ ...task, ...file }, options)).kind, 'failed');
  const { rows } = await pool.query(
    `select resource ->> 'status' as status, resource -> 'loaded' as loaded from loaderfile where id = $1`,
    [file.id],
  );
  assert.deepEqual(rows, [{ status: 'error', loaded: null }]);
  assert.ok(!(await idsIn('Person')).includes('unfenced'));
});

test('an attempt that was given up before it came to its rows leaves no transaction open', async (t) => {
  await pool.query(`
    create function give_up() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger give_up before insert on fhir_bucket_loader.data_fence for each row execute function give_up()`);
  t.after(() => pool.query('drop function give_up cascade'));
  const file = await claimed('given-up.ndjson', 'Person', [{ id: 'given-up' }]);
  const outcome = await loadFile({ ...task, ...file }, options);
  assert.ok(outcome.kind === 'retry');
  assert.match(outcome.failure.message, /given up/);
  const open = await pool.query(
    `select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
  );
  assert.deepEqual([open.rowCount, await statusOf(file)], [0, 'pending']);
});
