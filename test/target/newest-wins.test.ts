import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const PARAMS = { 'upsert?': true, 'keep-last-updated?': true, 'newest-wins?': true };

const line = (id: string, lastUpdated: string, n: number) => ({ id, meta: { lastUpdated }, n });

async function upsert(type: string, lines: readonly object[], params: object = {}) {
  const key = `${type}.ndjson`;
  const bucket = await server.bucketOf({ [key]: lines });
  const status = await server.load(bucket, { ...PARAMS, ...params });
  return { bucket, status, file: await server.loaderFile(bucket, key) };
}

const stored = async (table: string) =>
  (
    await server.sql<{ v: string }>(
      `select id || ' ' || (resource ->> 'n') || ' ' || to_char(ts at time zone 'utc', 'YYYY-MM-DD') as v from ${table} order by id`,
    )
  ).map(({ v }) => v);

describe('newest-wins?', () => {
  for (const [type, params] of [
    ['Account', {}],
    ['Appointment', { 'history?': true }],
    ['Basic', { 'max-errors': 5 }],
  ] as const) {
    test(`older ones stay out and are counted, equally old and newer ones overwrite (${JSON.stringify(params)})`, async () => {
      const table = type.toLowerCase();
      const old = ['equal', 'newer', 'older', 'same', 'same-older'].map((id) => line(id, '2024-02-01T00:00:00Z', 1));
      await upsert(type, old, params);
      const { bucket, file } = await upsert(
        type,
        [
          line('equal', '2024-02-01T01:00:00+01:00', 2),
          line('newer', '2024-03-01T00:00:00Z', 2),
          line('older', '2024-01-31T23:59:59.999Z', 2),
          line('same', '2024-02-01T00:00:00Z', 1),
          line('same-older', '2024-01-01T00:00:00Z', 1),
          line('z-new', '2020-01-01T00:00:00Z', 2),
        ],
        params,
      );
      const { loaded, created, updated, unchanged, older } = file;
      assert.deepEqual(
        { loaded, created, updated, unchanged, older },
        { loaded: 4, created: 1, updated: 2, unchanged: 1, older: 2 },
      );
      assert.deepEqual(await stored(table), [
        'equal 2 2024-02-01',
        'newer 2 2024-03-01',
        'older 1 2024-02-01',
        'same 1 2024-02-01',
        'same-older 1 2024-02-01',
        'z-new 2 2020-01-01',
      ]);
      const [kept] = await server.sql(`select string_agg(id, ' ' order by id) as ids from ${table}_history`);
      assert.deepEqual(kept, { ids: 'history?' in params ? 'equal newer' : null });
      const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', {
        bucket: `s3://${bucket}`,
        verbose: true,
      });
      assert.deepEqual(JSON.parse(JSON.stringify(body.result)).resources, {
        loaded: 4,
        created: 1,
        updated: 2,
        unchanged: 1,
        older: 2,
      });
    });
  }

  test('a resource whose ts nobody knows is older than any: it is overwritten, though it be the same', async () => {
    for (const [type, params] of [
      ['Goal', {}],
      ['Library', { 'history?': true }],
    ] as const) {
      const table = type.toLowerCase();
      await upsert(type, [line('changed', '2024-02-01T00:00:00Z', 1), line('same', '2024-02-01T00:00:00Z', 1)], params);
      await server.sql(`update ${table} set ts = null`);
      const next = [line('changed', '2024-01-01T00:00:00Z', 2), line('same', '2024-02-01T00:00:00Z', 1)];
      const { file } = await upsert(type, next, params);
      assert.deepEqual([file.updated, file.older, file.unchanged], [2, 0, 0]);
      assert.deepEqual(await stored(table), ['changed 2 2024-01-01', 'same 1 2024-02-01']);
    }
  });

  test('a line without meta.lastUpdated is bad', async () => {
    await upsert('Claim', [line('a', '2024-02-01T00:00:00Z', 1)]);
    const lines = [{ id: 'a', n: 2 }, { id: 'b', meta: {} }, line('c', '2024-02-01T00:00:00Z', 1)];
    const { file } = await upsert('Claim', lines);
    assert.deepEqual(file.error, { source: 'aidbox', code: 'last-updated-missing' });
    assert.match(file.message ?? '', /^line 1, id "a", Claim.meta.lastUpdated: the resource has no "lastUpdated"/);
    const lenient = await upsert('Claim', lines, { 'max-errors': 2 });
    assert.deepEqual([lenient.file.loaded, lenient.file['lines-left-out']], [1, 2]);
    assert.deepEqual(await stored('claim'), ['a 1 2024-02-01', 'c 1 2024-02-01']);
  });

  test('somebody who writes a newer one between the look and the lock is not overwritten', async (t) => {
    await upsert('Flag', [line('a', '2024-02-01T00:00:00Z', 1), line('b', '2024-02-01T00:00:00Z', 1)]);
    const other = await server.holdingTransaction(t);
    await other.query(
      `update flag set resource = '{"n":9}', ts = '2024-12-31', txid = nextval('transaction_id_seq') where id = 'a'`,
    );
    const bucket = await server.bucketOf({
      'Flag.ndjson': [line('a', '2024-03-01T00:00:00Z', 2), line('b', '2024-03-01T00:00:00Z', 2)],
    });
    await server.startLoad(bucket, PARAMS);
    await server.waitForLock();
    await other.query('commit');
    await server.ended(bucket);
    assert.deepEqual(await stored('flag'), ['a 9 2024-12-31', 'b 2 2024-03-01']);
    const { updated, older, unchanged } = await server.loaderFile(bucket, 'Flag.ndjson');
    assert.deepEqual([updated, older, unchanged], [1, 1, 0]);
  });

  test('without upsert?, keep-last-updated? or conversion it is refused', async () => {
    const bucket = await server.bucketOf({});
    for (const params of [
      { ...PARAMS, 'upsert?': false },
      { ...PARAMS, 'keep-last-updated?': false },
      { ...PARAMS, format: 'as-is' },
    ]) {
      assert.equal((await server.startLoad(bucket, params)).status, 422);
    }
  });
});
