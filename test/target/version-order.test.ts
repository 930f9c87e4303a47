import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

const history = { 'upsert?': true, 'history?': true };
const newest = { ...history, 'newest-wins?': true, 'keep-last-updated?': true };

const bundle = (...urls: string[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
});

/** All versions of a resource by `txid`, as Aidbox lists its history: status, and who wrote it; by `ts` they are in the same order. */
async function versionsOf(table: string, id: string) {
  const by = (column: string) =>
    server.sql<{ v: string; txid: string }>(
      `select txid, status || ' ' || (resource ->> 'language') as v
         from (select * from ${table} union all select * from ${table}_history) v where id = $1 order by ${column}`,
      [id],
    );
  const versions = await by('txid');
  assert.deepEqual(await by('ts'), versions);
  return versions.map(({ v }) => v);
}

/** A file of a type that has taken its number, and waits for row 0, stored or new, which it is to write before all others. */
async function waiting(
  t: Parameters<typeof server.holdingTransaction>[0],
  { type, params, key, lines }: { type: string; params: object; key: string; lines: readonly object[] },
) {
  const other = await server.holdingTransaction(t);
  const table = type.toLowerCase();
  await other.query(`
    insert into ${table} (id, txid, resource_type, status, resource) values ('0', 0, '${type}', 'created', '{}')
        on conflict do nothing;
    select from ${table} where id = '0' for update`);
  const bucket = await server.bucketOf({ [key]: lines });
  await server.startLoad(bucket, params);
  await server.waitForLock();
  return {
    async goesOn() {
      await other.query('rollback');
      assert.deepEqual((await server.ended(bucket)).progress, { total: 1, done: 1 });
    },
  };
}

async function load(key: string, lines: readonly object[], params: object) {
  assert.equal((await server.load(await server.bucketOf({ [key]: lines }), params)).progress['done'], 1);
}

const by = (language: string, day: number, ...ids: string[]) =>
  ids.map((id) => ({ id, language, meta: { lastUpdated: `2026-01-0${day}T00:00:00Z` } }));

describe('the versions of a resource have rising numbers, whichever file took its number first', () => {
  for (const [type, params] of [
    ['Basic', history],
    ['Account', newest],
    ['Appointment', { 'upsert?': true }],
  ] as const) {
    test(`a version that came while a file waited (${Object.keys(params).join(' ')})`, async (t) => {
      await load(`${type}.ndjson`, by('first', 1, 'x'), params);
      const late = await waiting(t, { type, params, key: `${type}.ndjson`, lines: by('late', 3, '0', 'x', 'y') });
      await load(`${type}.ndjson`, by('between', 2, 'x', 'y'), params);
      const [between] = await server.sql<{ txid: string }>(`select txid from ${type} where id = 'x'`);
      await late.goesOn();
      const [last] = await server.sql<{ txid: string; language: string }>(
        `select txid, resource ->> 'language' as language from ${type} where id = 'x'`,
      );
      assert.equal(last?.language, 'late');
      assert.ok(BigInt(last.txid) > BigInt(between?.txid ?? 0), `${last.txid} comes after ${between?.txid}`);
      if (!('history?' in params)) return;
      assert.deepEqual(await versionsOf(type, 'x'), ['created first', 'updated between', 'updated late']);
      assert.deepEqual(await versionsOf(type, 'y'), ['created between', 'updated late']);
    });
  }

  test('a version that is deleted', async (t) => {
    const params = { 'apply-deletions?': true, ...history };
    await load('Goal.ndjson', by('first', 1, '0', 'x'), params);
    const late = await waiting(t, {
      type: 'Goal',
      params,
      key: 'deleted/Goal.ndjson',
      lines: [bundle('Goal/x', 'Goal/0')],
    });
    await load('Goal.ndjson', by('between', 2, 'x'), params);
    await late.goesOn();
    assert.deepEqual(await versionsOf('goal', 'x'), ['created first', 'updated between', 'deleted between']);
  });

  test('a time that a file has taken anew is no later than that of the next file, whose transaction had begun by then', async (t) => {
    await load('List.ndjson', by('first', 1, 'x'), history);
    const params = history;
    const late = await waiting(t, { type: 'List', params, key: 'List.ndjson', lines: by('late', 3, '0', 'x') });
    await load('List.ndjson', by('between', 2, 'x'), history);
    // Its transaction has begun, and it has no number yet.
    const proxy = await PostgresProxy.start(t, server.database.connection);
    const proxied = { ...server.database, url: proxy.url };
    const other = await startTestServer(t, { database: proxied, s3: server.s3 });
    const stop = proxy.stopAt({
      holds: 'request',
      matches: (_, statement) => statement.startsWith('savepoint no_rows') && statement.includes('nextval'),
    });
    const bucket = await server.bucketOf({ 'List.ndjson': by('last', 4, 'x') });
    await other.startLoad(bucket, history);
    await stop.reached;
    await late.goesOn();
    stop.release();
    assert.deepEqual((await other.ended(bucket)).progress, { total: 1, done: 1 });
    assert.deepEqual(await versionsOf('list', 'x'), [
      'created first',
      'updated between',
      'updated late',
      'updated last',
    ]);
  });

  test('a resource that was deleted while a file waited, and is recreated by it', async (t) => {
    const params = { 'apply-deletions?': true, ...history };
    await load('Flag.ndjson', by('first', 1, 'x'), params);
    const late = await waiting(t, { type: 'Flag', params, key: 'Flag.ndjson', lines: by('late', 3, '0', 'x') });
    await load('deleted/Flag.ndjson', [bundle('Flag/x')], params);
    await late.goesOn();
    assert.deepEqual(await versionsOf('flag', 'x'), ['created first', 'deleted first', 'recreated late']);
  });

  test('a database that was copied without its sequence, which stands below the numbers of its rows', async () => {
    const params = { 'apply-deletions?': true, ...history };
    await load('Library.ndjson', by('first', 1, 'x', 'y', 'z'), params);
    await server.sql(`update library set txid = 1000000000000`);
    await load('Library.ndjson', by('second', 2, 'x', 'y'), params);
    await load('Library.ndjson', by('third', 3, 'x'), params);
    await load('deleted/Library.ndjson', [bundle('Library/x')], params);
    await load('Library.ndjson', by('fourth', 4, 'x'), params);
    assert.deepEqual(await versionsOf('library', 'x'), [
      'created first',
      'updated second',
      'updated third',
      'deleted third',
      'recreated fourth',
    ]);
    assert.deepEqual(await versionsOf('library', 'y'), ['created first', 'updated second']);
    await load('Library.ndjson', by('fifth', 5, 'z'), { 'upsert?': true });
    const [z] = await server.sql<{ later: boolean }>(
      `select txid > 1000000000000 as later from library where id = 'z'`,
    );
    assert.deepEqual(z, { later: true });
  });
});
