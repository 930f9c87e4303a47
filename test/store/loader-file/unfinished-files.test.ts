import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPool } from '../../../src/store/create-pool.ts';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { listUnfinishedFiles } from '../../../src/store/loader-file/unfinished-files.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { lastFirst } from '../../support/last-first.ts';
import { createMigratedDatabase } from '../../support/test-database.ts';

const BUCKET = 's3://bucket';

test('a look at the queue reads it whole, and fails when its connection does', async (t) => {
  const parts = lastFirst(t);
  const { connection } = await createMigratedDatabase(parts);
  await migrate(connection);
  const pool = createPool(connection, { max: 2, onIdleError: () => {} });
  parts.after(() => pool.end());
  const files = Array.from({ length: 701 }, (_, n) => ({
    key: `a/"Patient-${n}".ndjson`,
    type: 'Patient',
    size: n,
    etag: `"${n}"`,
    lastModified: new Date(1e12 + n),
  }));
  await addLoaderFiles(pool, BUCKET, files);
  await addLoaderFiles(pool, BUCKET, [{ key: 'b/Patient.ndjson', type: 'Patient' }]);
  const listed = async (prefixes: readonly string[]) =>
    Array.from(await listUnfinishedFiles(pool, BUCKET, prefixes))
      .map(({ key, type, size, etag, lastModified }) => ({ key, type, size, etag, lastModified }))
      .sort((a, b) => a.size - b.size || (a.key < b.key ? -1 : 1));
  const expected = files.map((file) => ({ ...file, lastModified: file.lastModified.toISOString() }));
  assert.deepEqual(await listed(['a/']), expected);
  assert.deepEqual(await listed(['b/']), [
    { key: 'b/Patient.ndjson', type: 'Patient', size: 0, etag: null, lastModified: '' },
  ]);
  assert.equal((await listed([])).length, 702);
  // Of these some were in flight when their replica died, and some are finished; one in another bucket, and one of no object, are none of its files.
  for (const [n, status] of ['in-progress', 'done', 'error'].entries())
    await pool.query(
      `update loaderfile set resource = resource || jsonb_build_object('status', $2::text) where (resource ->> 'size')::int = $1`,
      [n, status],
    );
  await addLoaderFiles(pool, 's3://another', [{ key: 'b/Patient.ndjson', type: 'Patient' }]);
  await pool.query(
    `insert into loaderfile (id, txid, status, resource)
     values ('no-object', 1, 'created', jsonb_build_object('bucket', $1::text, 'status', 'pending'))`,
    [BUCKET],
  );
  const unfinished = await listUnfinishedFiles(pool, BUCKET, []);
  assert.deepEqual(
    [unfinished.length, unfinished.filter(({ key }) => key === 'a/"Patient-0".ndjson').length],
    [700, 1],
  );

  const locked = await pool.connect();
  try {
    await locked.query('begin; lock table loaderfile');
    const refused = assert.rejects(listUnfinishedFiles(pool, BUCKET, []), /terminat/);
    const others = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%loaderfile%'`;
    while ((await locked.query(others)).rowCount === 0) await locked.query('select pg_stat_clear_snapshot()');
    await refused;
  } finally {
    locked.release(true);
  }
  assert.equal((await listed([])).length, 700);
});
