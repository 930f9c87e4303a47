import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { createPool } from '../../../src/store/create-pool.ts';
import { addLoaderFiles, type NewLoaderFile } from '../../../src/store/loader-file/add-loader-files.ts';
import { claimLoaderFiles } from '../../../src/store/loader-file/queue.ts';
import type { Queryable } from '../../../src/store/query.ts';
import { lastFirst } from '../../support/last-first.ts';
import { createMigratedDatabase } from '../../support/test-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const BUCKET = 's3://meanwhile';
const parts = lastFirst({ after });
const { connection } = await createMigratedDatabase(parts);
const pool = createPool(connection, { max: 3, onIdleError: () => {} });
parts.after(() => pool.end());

const listed = (etag: string, minute: number): NewLoaderFile[] => [
  { key: 'Patient.ndjson', type: 'Patient', etag, size: 1, lastModified: new Date(Date.UTC(2026, 0, 1, 0, minute)) },
];

/** The file as it is stored once a newer object was listed, while another session had done something that it commits only then. */
async function listedWhile(work: (other: Queryable) => Promise<unknown>) {
  const other = await pool.connect();
  try {
    await other.query('begin');
    await work(other);
    const adding = addLoaderFiles(pool, BUCKET, listed('newer', 2));
    const waits = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    await waitFor(async () => (await pool.query(waits)).rowCount === 1, { what: 'a listing that waits for the file' });
    await other.query('commit');
    assert.equal(await adding, 0);
  } finally {
    other.release(true);
  }
  const { rows } = await pool.query(
    `select resource ->> 'etag' as etag, resource ->> 'status' as status from loaderfile`,
  );
  return rows;
}

beforeEach(() => pool.query('truncate loaderfile'));

describe('a newer object is listed while another session', () => {
  test('queues the older one: the newer is what is loaded', async () => {
    const stored = await listedWhile((other) => addLoaderFiles(other, BUCKET, listed('older', 1)));
    assert.deepEqual(stored, [{ etag: 'newer', status: 'pending' }]);
  });

  test('begins to load the older one: that is whose rows it will have', async () => {
    await addLoaderFiles(pool, BUCKET, listed('older', 1));
    const { rows } = await pool.query<{ id: string }>('select id from loaderfile');
    const ids = rows.map(({ id }) => id);
    const stored = await listedWhile((other) => claimLoaderFiles(other, ids, 1));
    assert.deepEqual(stored, [{ etag: 'older', status: 'in-progress' }]);
  });
});
