import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FileError } from '../../src/errors/file-error.ts';
import type { ObjectSource } from '../../src/source/object-source.ts';
import { insertLoaderErrors } from '../../src/store/loader-error.ts';
import { loadBatch } from '../../src/worker/load-batch.ts';
import { type ClaimedFile, startAttemptParts } from '../support/attempt-parts.ts';

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

/** What the LoaderFiles of a batch say, besides which objects they are of. */
const notesOf = async (files: readonly ClaimedFile[]) => {
  const { rows } = await pool.query<{ status: string; message: string | null }>(
    `select resource ->> 'status' as status, resource ->> 'message' as message from loaderfile where id = any ($1)`,
    [files.map(({ id }) => id)],
  );
  return rows;
};

test('a batch that Postgres cannot take for the time being is back in the queue, whole, and says why', async () => {
  const files = [
    await claimed('full-1.ndjson', 'Device', [{ id: 'full-1' }]),
    await claimed('full-2.ndjson', 'Device', [{ id: 'full-2' }]),
  ];
  await pool.query(`
    create function no_room() returns trigger language plpgsql as
      $$ begin raise exception 'no room' using errcode = 'disk_full'; end $$;
    create trigger no_room after insert on device for each row when (new.id = 'full-2') execute function no_room()`);
  const outcome = await loadBatch({ ...task, files }, options);
  assert.ok(outcome.kind === 'retry');
  assert.deepEqual([outcome.failure.code, outcome.failure.transient], ['53100', true]);
  const note = { status: 'pending', message: outcome.failure.message };
  assert.deepEqual(await notesOf(files), [note, note]);
  assert.deepEqual(await idsIn('Device'), []);
});

test('a batch that is stopped is back in the queue as if it had not been claimed', async () => {
  const files = [
    await claimed('stopped-1.ndjson', 'Person', [{ id: 'stopped-1' }]),
    await claimed('stopped-2.ndjson', 'Person', [{ id: 'stopped-2' }]),
  ];
  const signal = AbortSignal.abort(new Error('stop'));
  const outcome = await loadBatch({ ...task, files }, { ...options, signal });
  assert.deepEqual(outcome, { kind: 'batch', files: [{ kind: 'stopped' }, { kind: 'stopped' }] });
  const note = { status: 'pending', message: null };
  assert.deepEqual(await notesOf(files), [note, note]);
  assert.deepEqual(await idsIn('Person'), []);
});

test('of a batch, a file that its store does not deliver now goes back to the queue and says why; the others are loaded', async () => {
  const away = await claimed('away.ndjson', 'Basic', [{ id: 'away' }]);
  const here = await claimed('here.ndjson', 'Basic', [{ id: 'here' }]);
  const source: ObjectSource = {
    list: (...which) => options.source.list(...which),
    open(object, signal) {
      if (object.key === away.key)
        throw new FileError('SlowDown: not now', { source: 'aws', code: 'SlowDown', transient: true });
      return options.source.open(object, signal);
    },
  };
  const outcome = await loadBatch({ ...task, files: [away, here] }, { ...options, source });
  assert.ok(outcome.kind === 'batch');
  assert.deepEqual(
    outcome.files.map(({ kind }) => kind),
    ['retry', 'done'],
  );
  assert.deepEqual(await notesOf([away]), [{ status: 'pending', message: 'SlowDown: not now' }]);
  assert.deepEqual([await statusOf(here), await idsIn('Basic')], ['done', ['here']]);
});

test('a file that a batch has loaded says no more of lines that an earlier load of it has left out', async () => {
  const file = await claimed('mended.ndjson', 'Media', [{ id: 'mended' }]);
  const other = await claimed('other.ndjson', 'Media', [{ id: 'other' }]);
  for (const { id, key, type } of [file, other]) {
    const owner = { id, bucket: task.bucket, file: key, type };
    const error = { line: 1, offset: 0, source: 'aidbox', code: 'bad-json', message: 'line 1 is no JSON', text: 'no' };
    await insertLoaderErrors(pool, owner, [error]);
  }
  assert.equal((await loadBatch({ ...task, files: [file] }, options)).kind, 'batch');
  const { rows } = await pool.query(`select resource ->> 'loader-file' as file from loadererror`);
  assert.deepEqual(rows, [{ file: other.id }]);
});
