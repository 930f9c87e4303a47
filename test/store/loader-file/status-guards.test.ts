import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import {
  failUnfinishedFile,
  markPending,
  returnClaimedFiles,
} from '../../../src/store/loader-file/finish-loader-file.ts';
import { releaseOrphans } from '../../../src/store/loader-file/queue.ts';
import { requeueFailedFiles } from '../../../src/store/loader-file/requeue-failed-files.ts';
import { startAttemptParts } from '../../support/attempt-parts.ts';

const { pool, task, claimed } = await startAttemptParts({ after });
const { bucket } = task;
const FAILURE = { source: 'postgres', code: 'X', message: 'X: it failed', transient: false } as const;

afterEach(() => pool.query('truncate loaderfile'));

/** A file of each status, by key; besides them one in progress that somebody loads. Then does something with all of them. */
const statusesAfter = async (work: (ids: readonly string[]) => Promise<unknown>) => {
  const ids: string[] = [];
  for (const status of ['done', 'error', 'in-progress', 'loading', 'pending']) {
    const { id } = await claimed(`${status}.ndjson`, 'Patient', []);
    ids.push(id);
    await pool.query(
      `update loaderfile set resource = resource || jsonb_build_object('status', $2::text) where id = $1`,
      [id, status === 'loading' ? 'in-progress' : status],
    );
  }
  const loading = await pool.connect();
  try {
    await loading.query(`begin; select from loaderfile where resource ->> 'file' = 'loading.ndjson' for update`);
    await work(ids);
  } finally {
    await loading.query('rollback');
    loading.release();
  }
  const { rows } = await pool.query<{ file: string; status: string }>(
    `select split_part(resource ->> 'file', '.', 1) as file, resource ->> 'status' as status from loaderfile`,
  );
  return Object.fromEntries(rows.map(({ file, status }) => [file, status]));
};
/** How a file stands, and why. */
const said = async (key: string) => {
  const { rows } = await pool.query<{ said: Record<string, unknown> }>(
    `select resource - '{bucket,file,type,size,etag,last-modified}'::text[] as said from loaderfile where resource ->> 'file' = $1`,
    [key],
  );
  return rows[0]?.said ?? {};
};
const AS_THEY_WERE = {
  done: 'done',
  error: 'error',
  'in-progress': 'in-progress',
  loading: 'in-progress',
  pending: 'pending',
};

describe('LoaderFiles that are changed outside of the transaction of their rows', () => {
  test('become `error` unless somebody loads them or they are finished', async () => {
    const failed: boolean[] = [];
    const statuses = await statusesAfter(async (ids) => {
      for (const id of ids) failed.push(await failUnfinishedFile(pool, id, FAILURE));
    });
    assert.deepEqual(statuses, { ...AS_THEY_WERE, 'in-progress': 'error', pending: 'error' });
    assert.deepEqual(failed, [false, false, true, false, true]);
  });

  test('say why', async () => {
    await claimed('told.ndjson', 'Patient', []);
    const { rows } = await pool.query<{ id: string }>(
      `select id from loaderfile where resource ->> 'file' = 'told.ndjson'`,
    );
    for (const { id } of rows) await markPending(pool, id, 'SlowDown: later');
    assert.deepEqual(await said('told.ndjson'), { status: 'pending', message: 'SlowDown: later' });
    for (const { id } of rows) await failUnfinishedFile(pool, id, FAILURE);
    const { end, ...why } = await said('told.ndjson');
    assert.deepEqual(why, { status: 'error', message: 'X: it failed', error: { source: 'postgres', code: 'X' } });
    assert.ok(typeof end === 'string');
  });

  test('go back to the queue from a claim unless somebody loads them or they are finished', async () => {
    const statuses = await statusesAfter((ids) => returnClaimedFiles(pool, ids));
    assert.deepEqual(statuses, { ...AS_THEY_WERE, 'in-progress': 'pending' });
  });

  test('go back to the queue as orphans unless somebody loads them, in their bucket alone', async () => {
    assert.deepEqual(await statusesAfter(() => releaseOrphans(pool, 's3://another')), AS_THEY_WERE);
    const statuses = await statusesAfter(() => releaseOrphans(pool, bucket));
    assert.deepEqual(statuses, { ...AS_THEY_WERE, 'in-progress': 'pending' });
  });

  test('are tried again where they have failed, in their bucket alone', async () => {
    const all = { prefixes: [], files: [], codes: [] };
    assert.deepEqual(await statusesAfter(() => requeueFailedFiles(pool, 's3://another', all)), AS_THEY_WERE);
    const statuses = await statusesAfter(() => requeueFailedFiles(pool, bucket, all));
    assert.deepEqual(statuses, { ...AS_THEY_WERE, error: 'pending' });
  });
});
