import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { listForeignFiles } from '../../../src/store/loader-file/listed-files.ts';
import { loaderFileId } from '../../../src/store/loader-file/loader-file.ts';
import { migratedClient } from '../../support/migrated-client.ts';

const client = await migratedClient({ after });

test('a pending file follows the newest listing, not the one that is stored last', async () => {
  const listed = (etag: string, size: number, minute: number) => ({
    key: 'Patient.ndjson',
    type: 'Patient',
    etag,
    size,
    lastModified: new Date(Date.UTC(2026, 0, 1, 0, minute)),
  });
  const stored = async () => {
    const { rows } = await client.query(
      `select resource -> 'etag' as etag, resource -> 'size' as size, resource -> 'last-modified' as modified
         from loaderfile`,
    );
    return rows;
  };
  const second = { etag: 'second', size: 2, modified: '2026-01-01T00:02:00.000Z' };

  assert.equal(await addLoaderFiles(client, 's3://b', [listed('first', 1, 1)]), 1);
  assert.equal(await addLoaderFiles(client, 's3://b', [listed('second', 2, 2)]), 0);
  assert.deepEqual(await stored(), [second]);
  assert.equal(await addLoaderFiles(client, 's3://b', [listed('first', 1, 1)]), 0);
  assert.deepEqual(await stored(), [second]);
});

test('a pending file has what the newest listing says of its object, and nothing that only an earlier one said', async () => {
  const key = 'odd/Patient.ndjson';
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
  const listed = async (object: { etag?: string; size?: number; lastModified: Date }) => {
    await addLoaderFiles(client, 's3://odd', [{ key, type: 'Patient', ...object }]);
    const { rows } = await client.query(
      `select resource - '{bucket,file,type,status}'::text[] as object, txid::int from loaderfile
        where resource ->> 'bucket' = 's3://odd'`,
    );
    return rows[0];
  };
  const queued = await listed({ etag: 'e', size: 5, lastModified: at(1) });
  // A store that lists no ETag: what tells versions of one size apart is their time.
  const untagged = await listed({ size: 5, lastModified: at(2) });
  const later = await listed({ size: 5, lastModified: at(3) });
  const empty = await listed({ size: 0, lastModified: at(4) });
  assert.deepEqual(
    [untagged, later, empty].map(({ object }) => object),
    [
      { size: 5, 'last-modified': at(2).toISOString() },
      { size: 5, 'last-modified': at(3).toISOString() },
      { size: 0, 'last-modified': at(4).toISOString() },
    ],
  );
  const txids = [queued, untagged, later, empty].map(({ txid }) => txid);
  assert.deepEqual(
    txids,
    [...new Set(txids)].sort((a, b) => a - b),
  );
});

test('a file that others have written for another bucket keeps none of this one from being queued', async () => {
  for (const bucket of ['s3://theirs', 's3://ours'])
    await client.query(`insert into loaderfile (id, txid, status, resource) values ($1, 1, 'created', $2)`, [
      `aidbox-${bucket}`,
      { bucket, file: `${bucket}/Patient.ndjson`, type: 'Patient', status: 'done' },
    ]);
  assert.deepEqual([...(await listForeignFiles(client, 's3://ours')).keys()], ['s3://ours/Patient.ndjson']);
});

test('files that are queued already cost what they are, not what the queue is', async () => {
  const files = Array.from({ length: 3_000 }, (_, n) => ({
    key: `many/Patient-${n}.ndjson`,
    type: 'Patient',
    etag: 'e',
  }));
  assert.equal(await addLoaderFiles(client, 's3://many', files), files.length);
  const readSoFar = async () => {
    const { rows } = await client.query<{ read: number }>(
      `select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_xact_user_tables where relname = 'loaderfile'`,
    );
    return rows[0]?.read ?? Number.NaN;
  };
  // In one transaction, whose own counters tell what it has read.
  await client.query('begin');
  // A table as small as this one would be read whole.
  await client.query('set local enable_seqscan = off');
  const before = await readSoFar();
  const [first, ...rest] = files.slice(0, 4);
  assert.equal(await addLoaderFiles(client, 's3://many', [{ ...first, key: 'new', type: 'Patient' }, ...rest]), 1);
  const read = (await readSoFar()) - before;
  await client.query('rollback');
  assert.ok(read < 100, `${read} rows were read for 4`);
});

test('what was found already is not looked up again, and what others have written is not added', async (t) => {
  const files = Array.from({ length: 50 }, (_, n) => ({ key: `done/Patient-${n}.ndjson`, type: 'Patient', etag: 'e' }));
  assert.equal(await addLoaderFiles(client, 's3://idle', files), files.length);
  const stored = new Map(files.map(({ key }) => [key, { id: loaderFileId('s3://idle', key), status: 'done' }]));
  stored.set('done/theirs.ndjson', { id: 'of-aidbox', status: 'pending' });
  const query = t.mock.method(client, 'query');
  assert.equal(await addLoaderFiles(client, 's3://idle', files, stored), 0);
  assert.equal(query.mock.callCount(), 0);
  query.mock.restore();

  const more = ['done/theirs.ndjson', 'done/new.ndjson'].map((key) => ({ key, type: 'Patient' }));
  assert.equal(await addLoaderFiles(client, 's3://idle', [...files, ...more], stored), 1);
  const { rows } = await client.query(
    `select resource ->> 'file' as key from loaderfile
      where resource ->> 'bucket' = 's3://idle' and resource ->> 'file' = any ($1)`,
    [more.map(({ key }) => key)],
  );
  assert.deepEqual(rows, [{ key: 'done/new.ndjson' }]);
});
