import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

interface Version {
  id: string;
  txid: string;
  ts: Date;
  cts: Date;
  resource_type: string;
  status: string;
  resource: unknown;
}
const versionsOf = (table: string) =>
  server.sql<Version>(
    `select id, txid, ts, cts, resource_type, status::text as status, resource from ${table} order by id, txid`,
  );

async function upsert(type: string, lines: readonly object[] | string, params: object = {}) {
  const key = `${type}.ndjson`;
  const bucket = await server.bucketOf({ [key]: lines });
  await server.load(bucket, { 'upsert?': true, 'history?': true, ...params });
  const { status, created, updated, unchanged, message = '' } = await server.loaderFile(bucket, key);
  return { status, counts: [created, updated, unchanged], message };
}

describe('history?', () => {
  for (const [type, params] of [
    ['Account', {}],
    ['Appointment', { 'max-errors': 5 }],
  ] as const) {
    test(`the version that is overwritten is kept as it was, and no other (${JSON.stringify(params)})`, async () => {
      const table = type.toLowerCase();
      await upsert(type, [{ id: 'over', n: 1 }, { id: 'same' }], params);
      assert.deepEqual(await versionsOf(`${table}_history`), []);
      const [before] = await versionsOf(table);
      const lines = [{ id: 'over', n: 2 }, { id: 'same' }, { id: 'new' }];
      assert.deepEqual(await upsert(type, lines, params), { status: 'done', counts: [1, 1, 1], message: '' });
      assert.deepEqual(await versionsOf(`${table}_history`), [before]);
      const [fresh, over] = await versionsOf(table);
      assert.deepEqual([fresh?.id, fresh?.status], ['new', 'created']);
      assert.deepEqual([over?.status, over?.resource, over?.cts], ['updated', { n: 2 }, before?.cts]);
      assert.ok(before !== undefined && over !== undefined);
      assert.ok(BigInt(over.txid) > BigInt(before.txid) && over.ts > before.ts);
      await upsert(type, [{ id: 'over', n: 3 }], params);
      assert.deepEqual(await versionsOf(`${table}_history`), [before, over]);
    });
  }

  test('a resource that was deleted before is recreated', async () => {
    await upsert('Basic', [{ id: 'gone', n: 1 }, { id: 'never' }]);
    await server.sql(`
      insert into basic_history (id, txid, resource_type, status, resource)
        select id, nextval('transaction_id_seq'), resource_type, 'deleted', resource from basic where id = 'gone';
      delete from basic`);
    assert.deepEqual((await upsert('Basic', [{ id: 'gone', n: 2 }, { id: 'never' }])).counts, [2, 0, 0]);
    assert.deepEqual(
      (await versionsOf('basic')).map(({ id, status }) => [id, status]),
      [
        ['gone', 'recreated'],
        ['never', 'created'],
      ],
    );
  });

  test('without it nothing reads the history: what was deleted before is created', async () => {
    await upsert('Measure', [{ id: 'gone' }]);
    await server.sql(`
      insert into measure_history (id, txid, resource_type, status, resource)
        select id, nextval('transaction_id_seq'), resource_type, 'deleted', resource from measure;
      delete from measure`);
    await upsert('Measure', [{ id: 'gone' }], { 'history?': false });
    await server.load(await server.bucketOf({ 'Measure.ndjson': [{ id: 'plain' }] }));
    assert.deepEqual(
      (await versionsOf('measure')).map(({ id, status }) => [id, status]),
      [
        ['gone', 'created'],
        ['plain', 'created'],
      ],
    );
  });

  test('a file that fails leaves no version behind', async () => {
    await upsert('Claim', [{ id: 'c', n: 1 }]);
    await server.sql(`alter table claim add constraint small check ((resource ->> 'n')::int < 5)`);
    const { status } = await upsert('Claim', [
      { id: 'c', n: 2 },
      { id: 'd', n: 9 },
    ]);
    assert.equal(status, 'error');
    assert.deepEqual(await versionsOf('claim_history'), []);
    assert.deepEqual(
      (await versionsOf('claim')).map(({ resource }) => resource),
      [{ n: 1 }],
    );
  });

  test('without upsert? it is refused', async () => {
    const { status, body } = await server.startLoad(await server.bucketOf({}), { 'history?': true });
    assert.equal(status, 422);
    assert.match(body.error?.errors?.[0]?.message ?? '', /needs upsert\?/);
  });

  test('a history table that cannot hold the versions is refused by name, before a row is written', async () => {
    await upsert('Coverage', [{ id: 'c', n: 1 }]);
    await server.sql(`
      alter table coverage_history alter column resource type text;
      alter table coverage_history drop constraint coverage_history_pkey, add primary key (id)`);
    const { status, message } = await upsert('Coverage', [{ id: 'c', n: 2 }]);
    assert.equal(status, 'error');
    assert.match(
      message,
      /the table public.coverage_history cannot be used: column resource is text, must be jsonb; id alone/,
    );
    assert.deepEqual(
      (await versionsOf('coverage')).map(({ resource }) => resource),
      [{ n: 1 }],
    );
  });

  test('an absent history table is created in Aidbox’s form', async () => {
    await upsert('Device', [{ id: 'd', n: 1 }]);
    await server.sql('drop table device_history');
    await upsert('Device', [{ id: 'd', n: 2 }]);
    assert.deepEqual(
      (await versionsOf('device_history')).map(({ resource }) => resource),
      [{ n: 1 }],
    );
    const [key] = await server.sql(
      `select pg_get_constraintdef(oid) as key from pg_constraint where conrelid = 'device_history'::regclass and contype = 'p'`,
    );
    assert.deepEqual(key, { key: 'PRIMARY KEY (id, txid)' });
  });

  test('a trigger that keeps a version out of the history fails the file', async () => {
    await upsert('Goal', [{ id: 'g', n: 1 }]);
    await server.sql(`
      create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger swallow before insert on goal_history for each row execute function swallow()`);
    const { status, message } = await upsert('Goal', [{ id: 'g', n: 2 }]);
    assert.equal(status, 'error');
    assert.match(message, /stored 0 of 1 rows: a trigger or rule of goal_history/);
    assert.deepEqual(
      (await versionsOf('goal')).map(({ resource }) => resource),
      [{ n: 1 }],
    );
  });

  test('one id in files of different order, at once: each version but the last is in the history', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `s-${n}`);
    const file = (n: number) => ids.map((id) => ({ id, n }));
    const bucket = await server.bucketOf({
      'Slot-1.ndjson': file(1),
      'Slot-2.ndjson': file(2).toReversed(),
      'Slot-3.ndjson': file(3).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    });
    const { progress } = await server.load(bucket, { 'upsert?': true, 'history?': true, 'thread-num': 3 });
    assert.deepEqual(progress, { total: 3, done: 3 });
    const all = await server.sql<{ id: string; n: number[] }>(
      `select id, array_agg((resource ->> 'n')::int order by resource ->> 'n') as n
         from (select id, resource from slot union all select id, resource from slot_history) v group by id`,
    );
    assert.equal(all.length, ids.length);
    assert.ok(all.every(({ n }) => n.join() === '1,2,3'));
  });
});

describe('history? beside another writer', () => {
  test('who overwrites, deletes and creates between the look and the lock: no version is lost', async (t) => {
    await upsert(
      'Flag',
      ['over', 'deleted', 'same-then'].map((id) => ({ id, by: 'first' })),
    );
    // The statement that overwrites waits for these rows once it has begun.
    const other = await server.holdingTransaction(t);
    await other.query(`
      insert into flag_history select * from flag where id in ('over', 'same-then');
      update flag set resource = '{"by":"other"}', txid = nextval('transaction_id_seq') where id = 'over';
      update flag set resource = '{"by":"file"}', txid = nextval('transaction_id_seq') where id = 'same-then';
      delete from flag where id = 'deleted';
      insert into flag (id, txid, resource_type, status, resource)
        values ('new', nextval('transaction_id_seq'), 'Flag', 'created', '{"by":"other"}')`);
    const lines = ['over', 'deleted', 'same-then', 'new'].map((id) => ({ id, by: 'file' }));
    const bucket = await server.bucketOf({ 'Flag.ndjson': lines });
    await server.startLoad(bucket, { 'upsert?': true, 'history?': true });
    await server.waitForLock();
    await other.query('commit');
    assert.deepEqual((await server.ended(bucket)).progress, { total: 1, done: 1 });
    const by = async (table: string) =>
      (await server.sql<{ v: string }>(`select id || ' ' || (resource ->> 'by') as v from ${table} order by 1`)).map(
        ({ v }) => v,
      );
    assert.deepEqual(await by('flag'), ['deleted file', 'new file', 'over file', 'same-then file']);
    assert.deepEqual(await by('flag_history'), ['new other', 'over first', 'over other', 'same-then first']);
    const { created, updated, unchanged } = await server.loaderFile(bucket, 'Flag.ndjson');
    assert.deepEqual([created, updated, unchanged], [1, 2, 1]);
  });
});
