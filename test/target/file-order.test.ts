import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });

/** Enough that a sample of the file is asked. */
const COUNT = 3_000;
/** The same under both numbers: one row in twenty. */
const isSame = (id: number) => id % 20 === 0;
const SAME = COUNT / 20;
const numberOf = (line: number) => (line * 7) % COUNT;

/** Not in the order of ids. */
const lines = (n: number) =>
  Array.from({ length: COUNT }, (_, line) => numberOf(line)).map((id) => ({ id: `r-${id}`, n: isSame(id) ? 0 : n }));

/** Stores rows by a plain load, in the order of lines. */
async function store(type: string): Promise<void> {
  await server.load(await server.bucketOf({ [`${type}.ndjson`]: lines(1) }));
}

test('the bound on waits ends with the rows; what the role has set for its own sessions does not take its place', async () => {
  // Before a thread connects for a file.
  await server.sql(
    `do $$ begin execute format('alter database %I set lock_timeout = ''7s''', current_database()); end $$`,
  );
  await store('Flag');
  await server.sql(`
    create table waits (lock_timeout text);
    create function note_waits() returns trigger language plpgsql as $$ begin
      insert into waits values (current_setting('lock_timeout')); return new; end $$;
    create trigger note_waits before update on loaderfile for each row
      when (new.resource ->> 'status' = 'done') execute function note_waits()`);
  const bucket = await server.bucketOf({ 'Flag.ndjson': lines(2) });
  await server.load(bucket, { 'upsert?': true });
  assert.equal((await server.loaderFile(bucket, 'Flag.ndjson')).updated, COUNT - SAME);
  assert.deepEqual(await server.sql('select * from waits'), [{ lock_timeout: '0' }]);
});

test('rows that lie in the order of a file’s lines are overwritten in that order; the same are not touched, new ones inserted', async () => {
  await store('Account');
  const same = `select ctid, xmin, xmax, id, txid, ts, cts, status, resource from account where resource ->> 'n' = '0' order by id`;
  const before = await server.sql(same);
  const bucket = await server.bucketOf({
    'Account.ndjson': [...lines(2), { id: 'new-1', n: 5 }, { id: 'new-2', n: 5 }],
  });
  await server.load(bucket, { 'upsert?': true });
  const { loaded, created, updated, unchanged } = await server.loaderFile(bucket, 'Account.ndjson');
  assert.deepEqual([loaded, created, updated, unchanged], [COUNT + 2, 2, COUNT - SAME, SAME]);
  assert.deepEqual(await server.sql(same), before);
  const stamps = await server.sql(
    `select status::text as status, resource ->> 'n' as n, count(distinct txid)::int as txids, count(*)::int as rows, bool_and(ts >= cts) as later
       from account group by 1, 2 order by 1, 2`,
  );
  assert.deepEqual(stamps, [
    { status: 'created', n: '0', txids: 1, rows: SAME, later: true },
    { status: 'created', n: '5', txids: 1, rows: 2, later: true },
    { status: 'updated', n: '2', txids: 1, rows: COUNT - SAME, later: true },
  ]);
  const written = await server.sql<{ id: string }>(`select id from account where resource ->> 'n' = '2' order by ctid`);
  const places = new Map(lines(2).map(({ id }, line) => [id, line]));
  const placed = written.map(({ id }) => places.get(id) ?? -1);
  const followers = placed.filter((place, n) => place > (placed[n - 1] ?? -1)).length;
  // But for those that found room on the page of the version before.
  assert.ok(followers > 0.8 * placed.length, `${followers} of ${placed.length}`);
});

test('a file that finds a row in somebody else’s hands starts anew in the order of ids, and holds nothing that comes later there', async (t) => {
  await store('Coverage');
  const other = await server.holdingTransaction(t);
  const write = (id: string, n: number) =>
    other.query(`update coverage set resource = resource || jsonb_build_object('n', $2::int) where id = $1`, [id, n]);
  const held = `r-${numberOf(COUNT - 1)}`;
  await write(held, 9);
  await other.query(`delete from coverage where id = 'r-1'`);
  const bucket = await server.bucketOf({ 'Coverage.ndjson': lines(2) });
  await server.startLoad(bucket, { 'upsert?': true });
  const waiting = `select from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock' and query like '%on conflict (id) do update%'`;
  await waitFor(async () => (await server.sql(waiting)).length > 0, { what: 'the file at the lock' });
  // The first of the lines but one, and the last of the ids: in the order of lines the file would hold it, and each would wait for the other.
  const later = `r-${numberOf(1)}`;
  assert.ok(later > held);
  await write(later, 9);
  await other.query('commit');
  await server.ended(bucket);
  const { created, updated, unchanged, message } = await server.loaderFile(bucket, 'Coverage.ndjson');
  assert.deepEqual([created, updated, unchanged, message], [1, COUNT - SAME - 1, SAME, undefined]);
  const [found] = await server.sql(
    `select count(*)::int as rows, count(*) filter (where resource ->> 'n' = '2')::int as changed from coverage`,
  );
  assert.deepEqual(found, { rows: COUNT, changed: COUNT - SAME });
});

test('files with the same resources, in the table’s order and in others, are all loaded', async () => {
  await store('Claim');
  const bucket = await server.bucketOf({
    '0/Claim.ndjson': lines(2),
    '1/Claim.ndjson': lines(3).reverse(),
    '2/Claim.ndjson': lines(4),
    '3/Claim.ndjson': lines(5).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  });
  const { progress } = await server.load(bucket, { 'upsert?': true, 'thread-num': 4 });
  assert.deepEqual(progress, { total: 4, done: 4 });
  const [found] = await server.sql(
    `select count(*)::int as rows, count(distinct resource ->> 'n')::int as versions from claim`,
  );
  assert.deepEqual(found, { rows: COUNT, versions: 2 });
});
