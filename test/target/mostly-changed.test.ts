import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const DATABASE = 'datname = current_database()';

/** Enough that a sample of the file is asked. */
const COUNT = 3_000;
/** The same under both numbers: one row in twenty. */
const isSame = (id: number) => id % 20 === 0;
const SAME = COUNT / 20;

/** Not in the order of ids. */
const lines = (n: number, count = COUNT) =>
  Array.from({ length: count }, (_, line) => (line * 7) % count).map((id) => ({
    id: `r-${id}`,
    n: isSame(id) ? 0 : n,
    text: 'lorem ipsum '.repeat(id % 500 === 1 ? 2_000 : id % 20),
  }));

/** All that Postgres knows of the rows: a write would show in place and version. */
const rowsOf = (table: string) =>
  server.sql<{ id: string; resource: { n: number } }>(
    `select ctid, xmin, id, txid, ts, cts, status, resource from ${table} order by id collate "C"`,
  );

/** Loads lines into a type's table by a file of its own. @returns what its LoaderFile says of it */
async function upsert(type: string, resources: readonly object[] | string, params: object = {}) {
  const key = `${type}.ndjson`;
  const bucket = await server.bucketOf({ [key]: resources });
  await server.load(bucket, { 'upsert?': true, ...params });
  const { loaded, created, updated, unchanged, message, error } = await server.loaderFile(bucket, key);
  return { counts: [loaded, created, updated, unchanged], message, error };
}

/** Stores rows as no load has noted them. */
async function store(type: string): Promise<void> {
  await upsert(type, lines(1));
  await server.sql('delete from fhir_bucket_loader.fingerprint where file <> 0');
}

/** How many rows of a table a statement has locked without writing them. */
async function locked(table: string): Promise<number | undefined> {
  const [row] = await server.sql<{ rows: number }>(
    `select count(*)::int as rows from ${table} where xmax <> '0' and status = 'created' and resource ->> 'n' = '0'`,
  );
  return row?.rows;
}

describe('a file of which nearly all rows are new or changed', () => {
  test('is written without a look at its rows; the same are not written, each is counted', async () => {
    await store('Account');
    const before = await rowsOf('account');
    const next = [...lines(2), { id: 'new-1', n: 5 }, { id: 'new-2', n: 5 }];
    assert.deepEqual((await upsert('Account', next)).counts, [COUNT + 2, 2, COUNT - SAME, SAME]);
    // Only this way they are locked: it is the one that was taken.
    assert.equal(await locked('account'), SAME);
    const after = await rowsOf('account');
    const sameOf = (rows: typeof before) => rows.filter(({ resource }) => resource.n === 0);
    assert.deepEqual(sameOf(after), sameOf(before));
    assert.equal(after.filter(({ resource }) => resource.n === 2).length, COUNT - SAME);
    const stamps = await server.sql(
      `select status::text as status, resource ->> 'n' as n, count(distinct txid)::int as txids, count(*)::int as rows
         from account group by 1, 2 order by 1, 2`,
    );
    assert.deepEqual(stamps, [
      { status: 'created', n: '0', txids: 1, rows: SAME },
      { status: 'created', n: '5', txids: 1, rows: 2 },
      { status: 'updated', n: '2', txids: 1, rows: COUNT - SAME },
    ]);
    // The following nights find nothing to write, and the new ones known.
    for (let night = 0; night < 2; night++) {
      assert.deepEqual((await upsert('Account', next)).counts, [COUNT + 2, 0, 0, COUNT + 2]);
      assert.deepEqual(await rowsOf('account'), after);
    }
  });

  test('of new rows has them remembered, once each', async () => {
    await upsert('Basic', [{ id: 'other' }]);
    assert.deepEqual((await upsert('Basic', lines(1))).counts, [COUNT, COUNT, 0, 0]);
    const noted = () =>
      server.sql(
        `select count(*)::int as all, count(distinct t.id)::int as rows from fhir_bucket_loader.fingerprint f
           join basic t on t.ctid = f.place and t.xmin = f.version`,
      );
    assert.deepEqual(await noted(), [{ all: COUNT + 1, rows: COUNT + 1 }]);
    assert.deepEqual((await upsert('Basic', lines(1))).counts, [COUNT, 0, 0, COUNT]);
    assert.deepEqual(await noted(), [{ all: COUNT + 1, rows: COUNT + 1 }]);
  });

  test('has each id once, also where the first of two rows is the table’s', async () => {
    await store('Claim');
    const before = await rowsOf('claim');
    const [twice] = lines(1).filter(({ n }) => n === 0);
    const { error, message } = await upsert('Claim', [...lines(2), { ...twice, n: 7 }]);
    assert.equal(error?.code, '23505');
    assert.match(message ?? '', /^23505: id "r-0" stands twice in the file \(line 3001; line 1 has it too\)/);
    assert.deepEqual(await rowsOf('claim'), before);
  });

  test('overwrites what others have written, deleted or made while it waited, unless it is the same by then', async (t) => {
    await store('Coverage');
    const other = await server.holdingTransaction(t);
    const write = (id: string, n: number) =>
      other.query(`update coverage set resource = resource || jsonb_build_object('n', $2::int) where id = $1`, [id, n]);
    await write('r-1', 9);
    // The first two in the order of ids, so that the file waits here.
    await write('r-0', 9);
    await write('r-101', 2);
    await other.query(`delete from coverage where id = 'r-102'`);
    await other.query(
      `insert into coverage (id, txid, resource_type, status, resource)
       values ('new', nextval('transaction_id_seq'), 'Coverage', 'created', '{"n":9}')`,
    );
    const bucket = await server.bucketOf({ 'Coverage.ndjson': [...lines(2), { id: 'new', n: 2 }] });
    await server.startLoad(bucket, { 'upsert?': true });
    const waiting = `select from pg_stat_activity
                      where ${DATABASE} and wait_event_type = 'Lock' and query like '%on conflict (id) do update%'`;
    await waitFor(async () => (await server.sql(waiting)).length > 0, { what: 'the file at the lock' });
    await other.query('commit');
    await server.ended(bucket);
    const { created, updated, unchanged } = await server.loaderFile(bucket, 'Coverage.ndjson');
    // r-0 was the file's when it was read, and no longer when its lock came; of r-101 it is the other way round.
    assert.deepEqual([created, updated, unchanged], [1, COUNT - SAME, SAME]);
    assert.deepEqual(
      await server.sql(
        `select id, resource ->> 'n' as n, status::text as status from coverage
          where id in ('r-0', 'r-1', 'r-101', 'r-102', 'new') order by id collate "C"`,
      ),
      [
        { id: 'new', n: '2', status: 'updated' },
        { id: 'r-0', n: '0', status: 'updated' },
        { id: 'r-1', n: '2', status: 'updated' },
        { id: 'r-101', n: '2', status: 'created' },
        { id: 'r-102', n: '2', status: 'created' },
      ],
    );
  });
});

describe('is looked at first', () => {
  const cases: [what: string, type: string, statements: string, params: object][] = [
    [
      'where half of a file has changed',
      'Device',
      `update device set resource = resource || '{"n":2}' where length(id) = 6`,
      {},
    ],
    [
      'where a trigger may change or skip rows',
      'Group',
      `create function same() returns trigger language plpgsql as 'begin return new; end';
       create trigger same before insert on "group" for each row execute function same()`,
      {},
    ],
    [
      'where a check may refuse a row that is the same',
      'Goal',
      `alter table goal add check (resource ->> 'n' <> '0') not valid`,
      {},
    ],
    ['with history?', 'Consent', '', { 'history?': true }],
    ['with newest-wins?', 'Contract', '', { 'newest-wins?': true, 'keep-last-updated?': true }],
    ['with max-errors', 'Composition', '', { 'max-errors': 1 }],
  ];
  for (const [what, type, statements, params] of cases)
    test(`${what}: no row that is the same is locked`, async () => {
      const table = type === 'Group' ? '"group"' : type.toLowerCase();
      const dated = (n: number) =>
        'newest-wins?' in params
          ? lines(n).map((line) => ({ ...line, meta: { lastUpdated: '2026-01-01T00:00:00Z' } }))
          : lines(n);
      await upsert(type, dated(1), params);
      await server.sql('delete from fhir_bucket_loader.fingerprint where file <> 0');
      for (const statement of statements.split(/;(?=\s*create trigger)/))
        if (statement !== '') await server.sql(statement);
      const { counts, message } = await upsert(type, dated(2), params);
      const [loaded, created, , unchanged] = counts;
      assert.deepEqual([loaded, created, message], [COUNT, 0, undefined]);
      assert.ok((unchanged ?? 0) >= SAME);
      assert.equal(await locked(table), 0);
    });
});

test('a trigger that skips rows of such a file fails it', async () => {
  await store('Invoice');
  const before = await rowsOf('invoice');
  await server.sql(
    `create function skip() returns trigger language plpgsql as 'begin return case when new.id = ''r-7'' then null else new end; end'`,
  );
  await server.sql('create trigger skip before insert or update on invoice for each row execute function skip()');
  const { error } = await upsert('Invoice', lines(2));
  assert.deepEqual(error, { source: 'aidbox', code: 'rows-kept-out' });
  assert.deepEqual(await rowsOf('invoice'), before);
});

test('columns that are not the loader’s stay as they are', async () => {
  await store('Library');
  await server.sql(`alter table library add column owner text default 'nobody'`);
  await server.sql(`update library set owner = id`);
  assert.deepEqual((await upsert('Library', [...lines(2), { id: 'new' }])).counts, [COUNT + 1, 1, COUNT - SAME, SAME]);
  assert.deepEqual(await server.sql(`select id, owner from library where owner is distinct from id`), [
    { id: 'new', owner: 'nobody' },
  ]);
});
