import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { markAllDone, markAllPending } from '../../../src/store/loader-file/finish-loader-file.ts';
import { findListedFiles } from '../../../src/store/loader-file/listed-files.ts';
import { claimLoaderFiles, lockFiles } from '../../../src/store/loader-file/queue.ts';
import { requeueChangedFiles } from '../../../src/store/loader-file/requeue-changed-files.ts';
import { migratedClient } from '../../support/migrated-client.ts';

const QUEUE = 20_000;
const BUCKET = 's3://many';
const files = Array.from({ length: QUEUE }, (_, n) => ({ key: `Patient-${n}.ndjson`, type: 'Patient', etag: 'e' }));
/** As many as a batch has. */
const some = files.slice(0, 256);

const client = await migratedClient({ after });

before(async () => {
  assert.equal(await addLoaderFiles(client, BUCKET, files), QUEUE);
});

/** Rows that Postgres has read one by one through the whole table in this transaction, by its own count. */
async function readWhole(): Promise<number> {
  const { rows } = await client.query<{ read: number }>(
    `select seq_tup_read::int as read from pg_stat_xact_user_tables where relname = 'loaderfile'`,
  );
  return rows[0]?.read ?? Number.NaN;
}

describe('what is done to the files of a batch or of a page of a listing reads these, not the queue', () => {
  const stored = async () => [
    ...(
      await findListedFiles(
        client,
        BUCKET,
        some.map(({ key }) => key),
      )
    ).values(),
  ];

  for (const analyzed of [false, true])
    for (const [what, work] of [
      ['claimed', async (ids) => (await claimLoaderFiles(client, ids, ids.length)).length],
      ['locked', async (ids) => (await lockFiles(client, ids, ['pending'])).size],
      [
        'done',
        async (ids) => {
          await markAllDone(client, new Map(ids.map((id) => [id, 1])));
          return ids.length;
        },
      ],
      [
        'given back',
        async (ids) => {
          await markAllPending(client, new Map(ids.map((id) => [id, undefined])));
          return ids.length;
        },
      ],
      [
        'queued again',
        async () => {
          const changed = (await stored()).map((file) => ({ key: file.key, type: 'Patient', etag: 'f', stored: file }));
          return await requeueChangedFiles(client, BUCKET, changed);
        },
      ],
    ] satisfies [string, (ids: string[]) => Promise<number>][])
      test(`${what}, ${analyzed ? 'with' : 'without'} statistics of the table`, async () => {
        if (analyzed) await client.query('analyze loaderfile');
        const ids = (await stored()).map(({ id }) => id);
        await client.query('begin');
        try {
          const before = await readWhole();
          assert.equal(await work(ids), some.length);
          assert.equal((await readWhole()) - before, 0);
        } finally {
          await client.query('rollback');
        }
      });
});
