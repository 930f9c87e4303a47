import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { markAllDone, markDone } from '../../../src/store/loader-file/finish-loader-file.ts';
import { migratedClient } from '../../support/migrated-client.ts';

const client = await migratedClient({ after });
let ids: string[] = [];

beforeEach(async () => {
  await client.query('truncate loaderfile');
  const files = ['A', 'B'].map((name) => ({ key: `${name}.ndjson`, type: 'Patient', etag: 'e' }));
  await addLoaderFiles(client, 's3://finished', files);
  const { rows } = await client.query<{ id: string }>(`select id from loaderfile order by resource ->> 'file'`);
  ids = rows.map(({ id }) => id);
});

async function doneFiles(): Promise<number> {
  const { rows } = await client.query<{ done: number }>(
    `select count(*) filter (where resource ->> 'status' = 'done')::int as done from loaderfile`,
  );
  return rows[0]?.done ?? Number.NaN;
}

test('rows without a LoaderFile that says so are not stored: a file that is gone cannot be marked done', async () => {
  const [gone = '', kept = ''] = ids;
  await client.query('delete from loaderfile where id = $1', [gone]);
  await assert.rejects(markDone(client, gone, { loaded: 1, outcomes: {} }, 0), {
    message: `LoaderFile ${gone} is gone`,
  });
  await client.query('begin');
  await assert.rejects(
    markAllDone(
      client,
      new Map([
        [gone, 1],
        [kept, 1],
      ]),
    ),
  );
  await client.query('rollback');
  assert.equal(await doneFiles(), 0);
  await markDone(client, kept, { loaded: 1, outcomes: {} }, 0);
  assert.equal(await doneFiles(), 1);
});
