import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { queueCall } from '../../src/load/queue-call.ts';
import { createPool } from '../../src/store/create-pool.ts';
import type { NewLoaderFile } from '../../src/store/loader-file/add-loader-files.ts';
import { loaderFileId } from '../../src/store/loader-file/loader-file.ts';
import { migrate } from '../../src/store/migrate.ts';
import { nextTxid } from '../../src/store/transaction-stamps.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase } from '../support/test-database.ts';
import { requestOf } from './request-of.ts';

const parts = lastFirst({ after });
const { connection } = await createMigratedDatabase(parts);
await migrate(connection);
const pool = createPool(connection, { max: 2, onIdleError: () => {} });
parts.after(() => pool.end());

const BUCKET = 's3://bucket';
const file = (key: string, etag = 'e'): NewLoaderFile => ({ key, type: 'Patient', size: 1, etag });
const record = { caller: { via: 'api' }, params: {} } as const;

/** A call that has listed these pages, and reloads what has changed. */
const call = async (...pages: NewLoaderFile[][]) => {
  const listing = {
    ignored: { count: 0, examples: [], isAll: false },
    withheld: { count: 0, examples: [] },
    emptyPrefixes: [],
    *files() {
      yield* pages;
    },
  };
  const listed = { listing, listedFrom: await nextTxid(pool) };
  const { newFiles, changed } = await queueCall(pool, requestOf({ reloadChanged: true }), listed, record);
  return { newFiles, changed };
};

test('a call looks each page of its listing up once, whatever is on it: new, pending, changed, passed', async (t) => {
  const first = [file('Patient-1.ndjson'), file('Patient-2.ndjson')];
  assert.deepEqual(await call(first), { newFiles: 2, changed: { count: 0, unsure: 0, passedOver: 0 } });
  const done = loaderFileId(BUCKET, 'Patient-1.ndjson');
  await pool.query(`update loaderfile set resource = resource || '{"status": "done"}'`);
  await call([file('Patient-3.ndjson', 'old')]);

  const query = t.mock.method(pg.Client.prototype, 'query');
  const again = [file('Patient-1.ndjson'), file('Patient-2.ndjson', 'other'), file('Patient-3.ndjson', 'new')];
  assert.deepEqual(await call(again, [file('Patient-4.ndjson')]), {
    newFiles: 1,
    changed: { count: 1, unsure: 0, passedOver: 0 },
  });
  const lookUps = query.mock.calls.filter((each) => JSON.stringify(each.arguments.slice(0, 2)).includes(done));
  assert.equal(lookUps.length, 1);
  query.mock.restore();
  const { rows } = await pool.query(
    `select resource ->> 'file' as key, resource ->> 'status' as status, resource ->> 'etag' as etag from loaderfile order by 1`,
  );
  assert.deepEqual(
    rows.map(({ key, status, etag }) => `${key} ${status} ${etag}`),
    [
      'Patient-1.ndjson done e',
      'Patient-2.ndjson pending other',
      'Patient-3.ndjson pending new',
      'Patient-4.ndjson pending e',
    ],
  );
});
