import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { createTestDatabase } from '../../support/test-database.ts';

// Dropped last: `after` runs in order, and the pool is open until then.
const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});
const database = await createTestDatabase({ after: (drop) => closing.push(drop) });
await migrate(database.connection);
const pool = new pg.Pool(database.connection);
closing.push(() => pool.end());

test('a pending file follows the newest listing, not the one that is stored last', async () => {
  const listed = (etag: string, size: number, minute: number) => ({
    key: 'Patient.ndjson',
    type: 'Patient',
    etag,
    size,
    lastModified: new Date(Date.UTC(2026, 0, 1, 0, minute)),
  });
  const stored = async () => {
    const { rows } = await pool.query(
      `select resource -> 'etag' as etag, resource -> 'size' as size, resource -> 'last-modified' as modified
         from loaderfile`,
    );
    return rows;
  };
  const second = { etag: 'second', size: 2, modified: '2026-01-01T00:02:00.000Z' };

  assert.equal(await addLoaderFiles(pool, 's3://b', [listed('first', 1, 1)]), 1);
  assert.equal(await addLoaderFiles(pool, 's3://b', [listed('second', 2, 2)]), 0);
  assert.deepEqual(await stored(), [second]);
  assert.equal(await addLoaderFiles(pool, 's3://b', [listed('first', 1, 1)]), 0);
  assert.deepEqual(await stored(), [second]);
});
