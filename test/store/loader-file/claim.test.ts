import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { createPool } from '../../../src/store/create-pool.ts';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { findListedFiles } from '../../../src/store/loader-file/listed-files.ts';
import { claimLoaderFiles, releaseOrphans } from '../../../src/store/loader-file/queue.ts';
import { requeueChangedFiles } from '../../../src/store/loader-file/requeue-changed-files.ts';
import { requeueFailedFiles } from '../../../src/store/loader-file/requeue-failed-files.ts';
import { lastFirst } from '../../support/last-first.ts';
import { createMigratedDatabase } from '../../support/test-database.ts';

const BUCKET = 's3://claimed';
const parts = lastFirst({ after });
const { connection } = await createMigratedDatabase(parts);
const pool = createPool(connection, { max: 3, onIdleError: () => {} });
parts.after(() => pool.end());

/** What the last attempt at a file has left in its LoaderFile. */
const RESULTS = {
  start: '2026-01-01T00:00:00Z',
  end: '2026-01-01T00:01:00Z',
  loaded: 2,
  updated: 2,
  'lines-left-out': 1,
  message: '23505: it was there',
  error: { source: 'postgres', code: '23505' },
};

/** Queues a file of each name, by which it is found, and gives it this. @returns their ids, in order */
async function queued(change: object, ...names: string[]): Promise<string[]> {
  const files = names.map((name) => ({ key: `${name}.ndjson`, type: 'Patient', etag: 'e', size: 1 }));
  await addLoaderFiles(pool, BUCKET, files);
  await pool.query("update loaderfile set resource = resource || $1 where resource ->> 'file' = any ($2)", [
    change,
    files.map(({ key }) => key),
  ]);
  const { rows } = await pool.query<{ id: string }>(
    `select l.id from unnest($1::text[]) with ordinality n (key, place) join loaderfile l on l.resource ->> 'file' = key order by place`,
    [files.map(({ key }) => key)],
  );
  return rows.map(({ id }) => id);
}

/** What a LoaderFile says besides which object it is of. */
async function stored(name: string): Promise<object> {
  const { rows } = await pool.query<{ resource: object }>(
    `select resource - '{bucket,file,type,size,etag}'::text[] as resource from loaderfile where resource ->> 'file' = $1`,
    [`${name}.ndjson`],
  );
  assert.ok(rows[0]);
  return rows[0].resource;
}

const keysOf = (claimed: Awaited<ReturnType<typeof claimLoaderFiles>>) => claimed.map(({ file }) => file.file);

beforeEach(() => pool.query('truncate loaderfile'));

describe('a claim takes', () => {
  test('the first files of the caller’s order, as many as it wants, and in that order', async () => {
    const [d, b, a, c] = await queued({ status: 'pending' }, 'd', 'b', 'a', 'c');
    assert.ok(a && b && c && d);
    assert.deepEqual(keysOf(await claimLoaderFiles(pool, [d, b, a, c], 3)), ['d.ndjson', 'b.ndjson', 'a.ndjson']);
    assert.deepEqual(await stored('c'), { status: 'pending' });
  });

  test('those that nobody loads, also where somebody died with them; none that is finished; it waits for none', async () => {
    const ids = [];
    for (const status of ['done', 'error', 'in-progress', 'pending']) ids.push(...(await queued({ status }, status)));
    ids.unshift(...(await queued({ status: 'in-progress' }, 'loading')));
    const other = await pool.connect();
    try {
      await other.query('begin');
      await other.query('select from loaderfile where id = $1 for update', [ids[0]]);
      const session = await pool.connect();
      try {
        await session.query(`set lock_timeout = '10s'`);
        assert.deepEqual(keysOf(await claimLoaderFiles(session, ids, 9)), ['in-progress.ndjson', 'pending.ndjson']);
      } finally {
        session.release(true);
      }
    } finally {
      other.release(true);
    }
  });
});

test('a claim does not wait for the disk, which would write the rows of all other files first', async () => {
  const ids = await queued({ status: 'pending' }, 'a');
  const session = await pool.connect();
  try {
    await session.query('begin; set local synchronous_commit = on');
    assert.equal((await claimLoaderFiles(session, ids, 1)).length, 1);
    const { rows } = await session.query('show synchronous_commit');
    assert.deepEqual(rows, [{ synchronous_commit: 'off' }]);
  } finally {
    session.release(true);
  }
});

describe('what the last attempt at a file has come to is not told of the next one', () => {
  test('once it is claimed', async () => {
    const ids = await queued({ status: 'in-progress', ...RESULTS }, 'a');
    await claimLoaderFiles(pool, ids, 1);
    const { start, ...rest } = (await stored('a')) as { start: string };
    assert.notEqual(start, RESULTS.start);
    assert.deepEqual(rest, { status: 'in-progress' });
  });

  test('once nobody has it any more', async () => {
    await queued({ status: 'in-progress', start: RESULTS.start }, 'a');
    await releaseOrphans(pool, BUCKET);
    assert.deepEqual(await stored('a'), { status: 'pending' });
  });

  test('once it is to be tried again', async () => {
    await queued({ status: 'error', ...RESULTS }, 'a');
    assert.equal(await requeueFailedFiles(pool, BUCKET, { prefixes: [], files: [], codes: [] }), 1);
    assert.deepEqual(await stored('a'), { status: 'pending' });
  });
});

describe('a file whose object has changed', () => {
  const requeued = async () => {
    const files = [...(await findListedFiles(pool, BUCKET, ['a.ndjson'])).values()];
    const object = { key: 'a.ndjson', type: 'Patient', etag: 'e', size: 1 };
    assert.equal(
      await requeueChangedFiles(
        pool,
        BUCKET,
        files.map((file) => ({ ...object, stored: file })),
      ),
      1,
    );
    return await stored('a');
  };

  test('keeps what its table has of it under previous, of one version, and nothing else', async () => {
    const previous = { ...RESULTS, status: 'done', etag: 'e', size: 1 };
    await queued({ ...RESULTS, status: 'done', previous: { loaded: 7 } }, 'a');
    assert.deepEqual(await requeued(), { status: 'pending', previous });
  });

  test('and has failed, whose rows its table does not have, keeps the version before', async () => {
    await queued({ ...RESULTS, status: 'error', previous: { loaded: 7 } }, 'a');
    assert.deepEqual(await requeued(), { status: 'pending', previous: { loaded: 7 } });
  });
});

test('of the failed files those are tried again that all lists name', async () => {
  const again = async (choice: Partial<Parameters<typeof requeueFailedFiles>[2]>) => {
    await pool.query('truncate loaderfile');
    for (const code of ['23505', 'NoSuchKey'])
      await queued({ status: 'error', error: { code } }, `a/${code}`, `b/${code}`);
    await requeueFailedFiles(pool, BUCKET, { prefixes: [], files: [], codes: [], ...choice });
    const { rows } = await pool.query<{ file: string }>(
      `select split_part(resource ->> 'file', '.', 1) as file from loaderfile where resource ->> 'status' = 'pending' order by 1`,
    );
    return rows.map(({ file }) => file);
  };
  assert.deepEqual(await again({ prefixes: ['a/', 'x/'] }), ['a/23505', 'a/NoSuchKey']);
  assert.deepEqual(await again({ codes: ['NoSuchKey'] }), ['a/NoSuchKey', 'b/NoSuchKey']);
  assert.deepEqual(await again({ files: ['b/23505.ndjson'] }), ['b/23505']);
  assert.deepEqual(await again({ prefixes: ['a/'], codes: ['23505'] }), ['a/23505']);
  assert.deepEqual(await again({ prefixes: ['a/'], files: ['b/23505.ndjson'] }), []);
});
