import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { findListedFiles } from '../../../src/store/loader-file/listed-files.ts';
import {
  claimLoaderFiles,
  hasDecidedFile,
  lockFile,
  lockFiles,
  releaseOrphans,
} from '../../../src/store/loader-file/queue.ts';
import { requeueChangedFiles } from '../../../src/store/loader-file/requeue-changed-files.ts';
import { migratedClient } from '../../support/migrated-client.ts';

const BUCKET = 's3://decided';
const client = await migratedClient({ after });

/** The ids of the LoaderFiles of `A.ndjson` and `B.ndjson`, which have the status. */
async function twoFiles(status: string): Promise<[string, string]> {
  await addLoaderFiles(
    client,
    BUCKET,
    ['A', 'B'].map((name) => ({ key: `${name}.ndjson`, type: 'Patient', etag: 'e' })),
  );
  await client.query(`update loaderfile set resource = resource || jsonb_build_object('status', $1::text)`, [status]);
  const { rows } = await client.query<{ id: string }>(`select id from loaderfile order by resource ->> 'file'`);
  const [first, second] = rows;
  assert.ok(first && second);
  return [first.id, second.id];
}

/** Two files, of which the first is decided by an entry in the table. */
async function decidedAndFree(
  status: string,
  table: string,
  queue = "'loaderfile'::regclass",
): Promise<{ decided: string; free: string }> {
  const [decided, free] = await twoFiles(status);
  const more =
    table === 'commit_decision' ? { names: ', partitions, loaded', values: ', 2, 5' } : { names: '', values: '' };
  await client.query(
    `insert into fhir_bucket_loader.${table} (queue, loader_file, attempt${more.names})
     values (${queue}::oid, $1, 'a1'${more.values})`,
    [decided],
  );
  return { decided, free };
}

async function statuses(): Promise<string[]> {
  const { rows } = await client.query<{ status: string }>(
    `select resource ->> 'status' as status from loaderfile order by resource ->> 'file'`,
  );
  return rows.map(({ status }) => status);
}

async function changed() {
  const stored = await findListedFiles(client, BUCKET, ['A.ndjson', 'B.ndjson']);
  return [...stored.values()].map((file) => ({ key: file.key, type: 'Patient', etag: 'new', stored: file }));
}

beforeEach(async () => {
  await client.query('truncate loaderfile, fhir_bucket_loader.commit_decision, fhir_bucket_loader.data_attempt');
});

for (const table of ['commit_decision', 'data_attempt'])
  describe(`a file whose commit has yet to be resolved (${table}) is nobody’s to take: its rows would be loaded twice`, () => {
    test('it is not locked, by itself or among others', async () => {
      const { decided, free } = await decidedAndFree('in-progress', table);
      await client.query('begin');
      assert.deepEqual(await lockFiles(client, [decided, free], ['in-progress']), new Set([free]));
      assert.equal(await lockFile(client, decided, ['in-progress']), false);
      assert.equal(await lockFile(client, free, ['in-progress']), true);
      await client.query('rollback');
    });

    test('it is not claimed', async () => {
      const { decided, free } = await decidedAndFree('pending', table);
      const claimed = await claimLoaderFiles(client, [decided, free], 2);
      assert.deepEqual(
        claimed.map(({ id }) => id),
        [free],
      );
      assert.deepEqual(await statuses(), ['pending', 'in-progress']);
    });

    test('it is not given back as an orphan', async () => {
      await decidedAndFree('in-progress', table);
      await releaseOrphans(client, BUCKET);
      assert.deepEqual(await statuses(), ['in-progress', 'pending']);
    });

    test('nor by a call to delete it', async () => {
      const { decided, free } = await decidedAndFree('in-progress', table);
      assert.deepEqual(
        [await hasDecidedFile(client, [free, decided]), await hasDecidedFile(client, [free])],
        [true, false],
      );
    });

    test('one of the same bucket and key in another schema’s queue, which has the same id, says nothing', async () => {
      const { decided, free } = await decidedAndFree('pending', table, '0');
      assert.equal(await hasDecidedFile(client, [decided]), false);
      assert.equal((await claimLoaderFiles(client, [decided, free], 2)).length, 2);
      await client.query('begin');
      assert.equal(await lockFile(client, decided, ['in-progress']), true);
      assert.deepEqual(await lockFiles(client, [decided], ['in-progress']), new Set([decided]));
      await client.query('rollback');
    });

    test('it is not queued again for an object that has changed', async () => {
      await decidedAndFree('done', table);
      assert.equal(await requeueChangedFiles(client, BUCKET, await changed()), 1);
      assert.deepEqual(await statuses(), ['done', 'pending']);
    });
  });

test('a LoaderFile that has changed since it was read is not queued again', async () => {
  const [, second] = await twoFiles('done');
  const read = await changed();
  await client.query(`update loaderfile set txid = nextval('transaction_id_seq') where id = $1`, [second]);
  assert.equal(await requeueChangedFiles(client, BUCKET, read), 1);
  assert.deepEqual(await statuses(), ['pending', 'done']);
});
