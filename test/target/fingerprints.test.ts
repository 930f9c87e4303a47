import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { Fingerprints } from '../../src/target/upsert/fingerprints.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });

const fingerprints = async (table: string) => {
  const [row] = await server.sql<{ all: number; valid: number }>(
    `select count(*)::int as all,
            count(*) filter (where exists (select from ${table} t where t.ctid = f.place and t.xmin = f.version))::int as valid
       from fhir_bucket_loader.fingerprint f where file = pg_relation_filenode('${table}')`,
  );
  return row;
};

async function upsert(type: string, lines: readonly object[] | string, params: object = {}) {
  const key = `${type}.ndjson`;
  const bucket = await server.bucketOf({ [key]: lines });
  await server.load(bucket, { 'upsert?': true, ...params });
  const { status, created, updated, unchanged, message } = await server.loaderFile(bucket, key);
  return { status, counts: [created, updated, unchanged], message };
}

const lines = (count: number, n: number) =>
  Array.from({ length: count }, (_, id) => ({ id: `r-${id}`, n, text: 'lorem ipsum '.repeat(id % 20) }));

/** Two nights: rows that are met the same for the first time get a fingerprint. */
async function twoNights(type: string, resources: readonly object[]): Promise<void> {
  await upsert(type, resources);
  await upsert(type, resources);
  const count = resources.length;
  assert.deepEqual(await fingerprints(type.toLowerCase()), { all: count, valid: count });
}

describe('rows that were compared once', () => {
  test('are not sent again while they are unchanged; others get their fingerprint at the next meeting', async () => {
    await twoNights('Account', lines(5_000, 1));
    // A comparison would note each of them again.
    assert.deepEqual((await upsert('Account', lines(5_000, 1))).counts, [0, 0, 5_000]);
    assert.deepEqual(await fingerprints('account'), { all: 5_000, valid: 5_000 });

    const next = [...lines(10, 2), ...lines(5_000, 1).slice(10), { id: 'new' }];
    assert.deepEqual((await upsert('Account', next)).counts, [1, 10, 4_990]);
    // The new one has one already.
    assert.deepEqual(await fingerprints('account'), { all: 5_001, valid: 4_991 });
    assert.deepEqual((await upsert('Account', next)).counts, [0, 0, 5_001]);
    assert.deepEqual(await fingerprints('account'), { all: 5_011, valid: 5_001 });
  });

  const same = lines(300, 1);
  const byHand: Record<string, string> = {
    'by Aidbox': `update basic set resource = '{"n":9}', txid = nextval('transaction_id_seq'), status = 'updated'`,
    'by hand, under the same txid': `update basic set resource = '{"n":9}'`,
    'deleted and made again': `create table copy as table basic; delete from basic; insert into basic select * from copy;
       update basic set resource = '{"n":9}'; drop table copy`,
    'restored with other resources': `create table copy as table basic; truncate basic;
       insert into basic select id, txid, cts, ts, resource_type, status, '{"n":9}' from copy; drop table copy`,
    'another table of the name': `create table twin (like basic including all); alter table basic rename to former;
       insert into twin select id, txid, cts, ts, resource_type, status, '{"n":9}' from former;
       alter table twin rename to basic; drop table former`,
    'its column dropped, and added with a default, which writes no row': `alter table basic drop column resource;
       alter table basic add column resource jsonb default '{"n":9}'`,
    'moved by a rewrite of the table, in another order, then changed': `create index by_text on basic (md5(id));
       cluster basic using by_text; update basic set resource = '{"n":9}'; drop index by_text`,
  };
  for (const [how, statements] of Object.entries(byHand))
    test(`are compared again once they were changed: ${how}`, async () => {
      await server.sql(`drop table if exists basic`);
      await server.sql('truncate fhir_bucket_loader.fingerprint');
      await twoNights('Basic', same);
      await server.sql(`create table kept as select id, cts from basic`);
      for (const statement of statements.split(';')) await server.sql(statement);
      assert.deepEqual((await upsert('Basic', same)).counts, [0, 300, 0]);
      const [row] = await server.sql<{ n: number }>(
        `select count(*)::int as n from basic join kept using (id, cts) where resource ->> 'n' = '1'`,
      );
      await server.sql('drop table kept');
      assert.equal(row?.n, 300);
    });

  test('are no other row’s, where a rewrite of the table has put one in another’s place', async () => {
    await twoNights('Flag', lines(300, 1));
    await server.sql(`update flag set resource = '{"n":9}' where mod(substr(id, 3)::int, 2) = 0`);
    await server.sql('create index by_text on flag (md5(id))');
    await server.sql('cluster flag using by_text');
    // Where a changed row has been, there is one now that has not changed, of the same transaction as the fingerprint's.
    const [row] = await server.sql<{ n: number }>(
      `select count(*)::int as n from fhir_bucket_loader.fingerprint f join flag t on t.ctid = f.place and t.xmin = f.version`,
    );
    assert.ok((row?.n ?? 0) > 50);
    assert.deepEqual((await upsert('Flag', lines(300, 1))).counts, [0, 150, 150]);
  });

  test('are compared again where deletions have left no row; no other row is touched', async () => {
    await twoNights('Goal', lines(100, 1));
    await server.sql(`delete from goal where id < 'r-5'`);
    const [{ n } = { n: 0 }] = await server.sql<{ n: number }>('select count(*)::int as n from goal');
    assert.deepEqual((await upsert('Goal', lines(100, 1))).counts, [100 - n, 0, n]);
  });

  test('in one format or with a ts of their own are not the same in another', async () => {
    const resources = [
      { id: 'a', meta: { lastUpdated: '2024-01-01T00:00:00Z' }, subject: { reference: 'Patient/1' } },
      { id: 'b', subject: { reference: 'Patient/1' } },
    ];
    for (const [params, first] of [
      [{ format: 'as-is' }, [2, 0, 0]],
      [{}, [0, 2, 0]],
      [{ 'keep-last-updated?': true }, [0, 1, 1]],
      [{ format: 'as-is' }, [0, 2, 0]],
    ] as const) {
      assert.deepEqual((await upsert('Encounter', resources, params)).counts, first);
      for (let night = 0; night < 3; night++)
        assert.deepEqual((await upsert('Encounter', resources, params)).counts, [0, 0, 2]);
    }
    const later = resources.map((resource) => ({ ...resource, meta: { lastUpdated: '2024-01-02T00:00:00Z' } }));
    const keep = { 'keep-last-updated?': true };
    await upsert('Encounter', resources, keep);
    await upsert('Encounter', resources, keep);
    assert.deepEqual((await upsert('Encounter', later, keep)).counts, [0, 2, 0]);
    // An older version comes back.
    await upsert('Encounter', later, keep);
    assert.deepEqual((await upsert('Encounter', resources, keep)).counts, [0, 1, 1]);
  });

  test('without a ts of their own are not the same as with one, whatever it is', async () => {
    const keep = { 'keep-last-updated?': true };
    const undated = { id: 'a', meta: { versionId: '1' } };
    for (let night = 0; night < 3; night++) await upsert('Device', [undated], keep);
    // The last microsecond before Postgres's epoch is -1 in its binary form.
    for (const lastUpdated of ['1999-12-31T23:59:59.999999Z', '2000-01-01T00:00:00Z', '0001-01-01T00:00:00Z']) {
      const dated = { ...undated, meta: { ...undated.meta, lastUpdated } };
      assert.deepEqual((await upsert('Device', [dated], keep)).counts, [0, 1, 0], lastUpdated);
      assert.deepEqual((await upsert('Device', [undated], keep)).counts, [0, 0, 1], lastUpdated);
      assert.deepEqual((await upsert('Device', [dated], keep)).counts, [0, 0, 1], lastUpdated);
    }
  });

  test('may still stand only once in a file; the error names both lines, and a bad line its own', async () => {
    await twoNights('Task', lines(3, 1));
    const text = lines(3, 1).map((line) => JSON.stringify(line));
    const twice = await upsert('Task', [text[0], '', ...text.slice(1), '{"id":"new"}', text[1]].join('\n'));
    assert.match(twice.message ?? '', /^23505: id "r-1" stands twice in the file \(line 6; line 3 has it too\)/);
    const changed = await upsert('Task', [...text, '', JSON.stringify({ id: 'r-2', n: 7 })].join('\n'));
    assert.match(changed.message ?? '', /id "r-2" stands twice in the file \(line 5; line 3 has it too\)/);
    const refused = await upsert('Task', [...text, '', '{"id":"x","n":"\\u0000"}'].join('\n'));
    assert.match(refused.message ?? '', /line 5/);
  });

  test('ids of any characters, lines longer than a buffer', async () => {
    const resources = ['"', '\\', '{', ',', 'NULL', 'ü ✓', ' '].map((id) => ({ id, text: 'x'.repeat(1_000_000) }));
    await twoNights('Media', resources);
    assert.deepEqual((await upsert('Media', resources)).counts, [0, 0, 7]);
    assert.deepEqual(await fingerprints('media'), { all: 7, valid: 7 });
  });
});

describe('rows that are to be sent', () => {
  const LONG = 'lorem ipsum '.repeat(200);
  const many = (count: number, n: (id: number) => number | string) =>
    Array.from({ length: count }, (_, id) => ({ id: `r-${id}`, n: n(id), text: LONG }));

  test('wait for those of later look-ups; all arrive, and an error names its line', async () => {
    await twoNights(
      'Consent',
      many(4_000, () => 1),
    );
    // 10 MB are several look-ups: some of few changes, one of many, the last one of none.
    const next = (id: number) => (id % 400 === 7 || (id > 1_500 && id < 2_500) ? 2 : 1);
    const changed = many(4_000, next).filter(({ n }) => n === 2).length;
    assert.deepEqual((await upsert('Consent', many(3_999, next))).counts, [0, changed, 3_999 - changed]);
    const [row] = await server.sql<{ wrong: number }>(
      `select count(*) filter (where case when i % 400 = 7 or i > 1500 and i < 2500 then '2' else '1' end <> resource ->> 'n')::int
              as wrong from (select *, substr(id, 3)::int as i from consent) c`,
    );
    assert.equal(row?.wrong, 0);
    const refused = await upsert(
      'Consent',
      many(4_000, (id) => (id === 407 ? '\u0000' : next(id) + 1)),
    );
    assert.match(refused.message ?? '', /line 408/);
    const late = await upsert(
      'Consent',
      many(4_000, (id) => (id === 3_907 ? '\u0000' : next(id))),
    );
    assert.match(late.message ?? '', /line 3908/);
  });

  for (const [what, type, isStored] of [
    ['a table without rows, where nothing is looked up', 'Contract', false],
    ['rows of which none was found', 'ImagingStudy', true],
  ] as const)
    test(`name the line of an error among ${what}`, async () => {
      if (isStored) {
        await twoNights(
          type,
          many(3_000, () => 1),
        );
      }
      const text = many(3_000, (id) => (id === 2_507 ? '\u0000' : 2)).map((line) => JSON.stringify(line));
      const { message } = await upsert(type, text.toSpliced(1_000, 0, '', '').join('\n'));
      assert.match(message ?? '', /line 2510/);
    });

  test('may be sent though they are stored, where most of a file has changed; none is noted twice', async () => {
    await twoNights(
      'Condition',
      many(8_000, () => 1),
    );
    // Look-ups stop within the first rows, of which none is stored, and come back before the last ones.
    const next = (id: number) => (id < 1_000 ? 2 : 1);
    assert.deepEqual((await upsert('Condition', many(8_000, next))).counts, [0, 1_000, 7_000]);
    assert.deepEqual(await fingerprints('condition'), { all: 8_000, valid: 7_000 });
    const twice = [...many(8_000, (id) => next(id) + 1), { id: 'r-7' }, { id: 'r-7999' }];
    assert.match(
      (await upsert('Condition', twice)).message ?? '',
      /id "r-7(999)?" stands twice .*line (8|8000) has it too/,
    );
    assert.deepEqual((await upsert('Condition', many(8_000, next))).counts, [0, 0, 8_000]);
    assert.deepEqual(await fingerprints('condition'), { all: 9_000, valid: 8_000 });
  });

  test('and the others are found by their hashes alone: no table is read as a whole, whatever Postgres knows of it', async () => {
    await server.sql('truncate fhir_bucket_loader.fingerprint');
    await twoNights('Coverage', lines(3_000, 1));
    await server.sql(
      `insert into fhir_bucket_loader.fingerprint
       select gen_random_uuid(), '(999999,1)', '3', 1 from generate_series(1, 100000)`,
    );
    const client = new pg.Client(server.database.connection);
    await client.connect();
    const scans = async () => {
      const { rows } = await client.query<{ n: number }>(
        `select sum(seq_scan)::int as n from pg_stat_xact_user_tables where relname in ('coverage', 'fingerprint')`,
      );
      return rows[0]?.n;
    };
    try {
      await client.query('begin');
      const stored = await Fingerprints.open(client, { schema: 'public', name: 'coverage' });
      const { rows } = await client.query<{ hash: string }>(
        `select hash::text from coverage t join fhir_bucket_loader.fingerprint f on f.place = t.ctid
          where file = pg_relation_filenode('coverage') order by hash limit 100`,
      );
      const before = await scans();
      const fields = [...rows.map(({ hash }) => hash), '0'.repeat(32)].map(
        (hash) => `00000010${hash.replaceAll('-', '')}`,
      );
      const found = await stored?.findOthers(client, 1, Buffer.from(fields.join(''), 'hex'));
      assert.deepEqual([...(found ?? [])], [[100, 101]]);
      assert.equal(await scans(), before);
    } finally {
      await client.end();
    }
  });

  test('are those of two buckets at once, which hold the same ids', async (t) => {
    const stored = lines(400, 1);
    // Both have compared the rows, and have noted them, at once.
    const first = await Promise.all([1, 2].map(() => server.bucketOf({ 'Invoice.ndjson': stored })));
    await upsert('Invoice', stored);
    await Promise.all(first.map((bucket) => server.load(bucket, { 'upsert?': true })));
    for (const bucket of first) assert.equal((await server.loaderFile(bucket, 'Invoice.ndjson')).unchanged, 400);
    const versions = () =>
      server.sql<{ id: string; xmin: string; n: string }>(
        `select id, xmin::text, resource ->> 'n' as n from invoice where id <> 'new' order by substr(id, 3)::int`,
      );
    const before = await versions();

    const gate = await server.gate(t, 'invoice');
    const changed = [...stored.slice(0, 200), ...lines(400, 2).slice(200)];
    const same = await server.bucketOf({ 'Invoice.ndjson': [...stored, { id: 'new', n: 1 }] });
    const other = await server.bucketOf({ 'Invoice.ndjson': [{ id: 'new', n: 2 }, ...changed].reverse() });
    for (const bucket of [same, other]) await server.startLoad(bucket, { 'upsert?': true });
    await gate.reached();
    await waitFor(async () => (await waiting()) === 2, { what: 'both files at the gate' });
    await gate.open();
    const counts = [];
    for (const bucket of [same, other]) {
      await server.ended(bucket);
      const { status, created, updated, unchanged } = await server.loaderFile(bucket, 'Invoice.ndjson');
      assert.equal(status, 'done');
      counts.push({ created, updated, unchanged });
    }
    assert.equal((counts[0]?.created ?? 0) + (counts[1]?.created ?? 0), 1);
    assert.deepEqual(
      counts.map(({ unchanged }) => unchanged),
      [400, 200],
    );
    const now = await versions();
    assert.deepEqual(now.slice(0, 200), before.slice(0, 200));
    assert.deepEqual(new Set(now.slice(200).map(({ n }) => n)), new Set(['2']));
    assert.deepEqual((await upsert('Invoice', changed)).counts, [0, 0, 400]);
    assert.deepEqual((await upsert('Invoice', stored)).counts, [0, 200, 200]);
  });

  const waiting = async () => {
    const [row] = await server.sql<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%invoice%'`,
    );
    return row?.n;
  };
});

describe('rows that a file has inserted', () => {
  test('are not sent the next time, nor compared', async () => {
    assert.deepEqual((await upsert('Contract', lines(500, 1))).counts, [500, 0, 0]);
    assert.deepEqual(await fingerprints('contract'), { all: 500, valid: 500 });
    for (const history of [false, true]) {
      const more = [...lines(500, 1), { id: `new-${history}` }];
      assert.deepEqual((await upsert('Contract', more, { 'history?': history })).counts, [1, 0, 500]);
    }
    assert.deepEqual(await fingerprints('contract'), { all: 502, valid: 502 });
    assert.deepEqual((await upsert('Contract', lines(500, 2))).counts, [0, 500, 0]);
    assert.deepEqual((await upsert('Contract', lines(500, 1))).counts, [0, 500, 0]);
  });

  test('hold the same ids no more than once', async () => {
    const text = lines(4, 1).map((line) => JSON.stringify(line));
    const twice = await upsert('Group', [...text, text[2]].join('\n'));
    assert.match(twice.message ?? '', /id "r-2" stands twice in the file \(line 5; line 3 has it too\)/);
    assert.deepEqual(await fingerprints('"group"'), { all: 0, valid: 0 });
    await upsert('Group', text.join('\n'));
    const again = await upsert('Group', [...text, text[2]].join('\n'));
    assert.match(again.message ?? '', /id "r-2" stands twice in the file \(line 5; line 3 has it too\)/);
  });

  test('are compared where a trigger may have changed them', async () => {
    await upsert('Library', [{ id: 'first' }]);
    await server.sql(
      `create function nine() returns trigger language plpgsql as 'begin new.resource = ''{"n":9}''; return new; end'`,
    );
    await server.sql('create trigger nine before insert on library for each row execute function nine()');
    assert.deepEqual((await upsert('Library', lines(20, 1))).counts, [20, 0, 0]);
    assert.deepEqual(await fingerprints('library'), { all: 1, valid: 1 });
    assert.deepEqual((await upsert('Library', lines(20, 1))).counts, [0, 20, 0]);
  });

  test('and that are taken back have no fingerprint', async () => {
    await upsert('Medication', lines(20, 1));
    await server.sql(`alter table medication add constraint refused check (id <> 'x') not valid`);
    const { status } = await upsert('Medication', [{ id: 'new' }, { id: 'x' }]);
    assert.equal(status, 'error');
    assert.deepEqual(await fingerprints('medication'), { all: 20, valid: 20 });
    await server.sql('alter table medication drop constraint refused');
    assert.deepEqual((await upsert('Medication', [{ id: 'new' }, { id: 'x' }])).counts, [2, 0, 0]);
  });
});

describe('the fingerprints', () => {
  test('are of rows as others have left them: a file that looks twice notes none of its own', async (t) => {
    await twoNights('Linkage', lines(50, 1));
    await server.sql('truncate fhir_bucket_loader.fingerprint');
    const other = await server.holdingTransaction(t);
    await other.query(
      `insert into linkage (id, txid, resource_type, status, resource) values ('new', 1, 'Linkage', 'created', '{}')`,
    );
    const next = [{ id: 'new', n: 1 }, ...lines(20, 2), ...lines(50, 1).slice(20)];
    const bucket = await server.bucketOf({ 'Linkage.ndjson': next });
    await server.startLoad(bucket, { 'upsert?': true, 'history?': true });
    await server.waitForLock();
    await other.query('commit');
    await server.ended(bucket);
    const { status, created, updated, unchanged } = await server.loaderFile(bucket, 'Linkage.ndjson');
    assert.deepEqual([status, created, updated, unchanged], ['done', 0, 21, 30]);
    assert.deepEqual(await fingerprints('linkage'), { all: 30, valid: 30 });
    assert.deepEqual((await upsert('Linkage', next)).counts, [0, 0, 51]);
    assert.deepEqual(await fingerprints('linkage'), { all: 51, valid: 51 });
  });

  test('may be truncated while a file is loaded', async (t) => {
    await twoNights('Claim', lines(1_000, 1));
    const gate = await server.gate(t, 'claim');
    const bucket = await server.bucketOf({ 'Claim.ndjson': [...lines(1_000, 1), { id: 'new' }] });
    await server.startLoad(bucket, { 'upsert?': true });
    await gate.reached();
    const truncated = server.sql('truncate fhir_bucket_loader.fingerprint');
    await gate.open();
    await truncated;
    await server.ended(bucket);
    const { status, created, unchanged } = await server.loaderFile(bucket, 'Claim.ndjson');
    assert.deepEqual([status, created, unchanged], ['done', 1, 1_000]);
    assert.deepEqual((await upsert('Claim', lines(1_000, 1))).counts, [0, 0, 1_000]);
    assert.deepEqual(await fingerprints('claim'), { all: 1_000, valid: 1_000 });
  });

  test('of another cluster, database or table mean nothing here, though all else of them fits', async () => {
    await twoNights('Slot', lines(10, 1));
    await server.sql('alter table slot rename to former');
    await server.sql('create table slot (like former including all)');
    await server.sql(`insert into slot select id, txid, cts, ts, resource_type, status, '{"n":9}' from former`);
    // A fingerprint that names the place and the version of a row of the new table, as one from a dump might by chance.
    await server.sql(
      `update fhir_bucket_loader.fingerprint f set place = s.ctid, version = s.xmin, file = pg_relation_filenode('slot')
         from slot s join former o using (id) where o.ctid = f.place and f.file = pg_relation_filenode('former')`,
    );
    assert.deepEqual(await fingerprints('slot'), { all: 10, valid: 10 });
    assert.deepEqual((await upsert('Slot', lines(10, 1))).counts, [0, 10, 0]);
    await server.sql('drop table former');
  });

  test('that a dump has brought here mean nothing, though rows, places and transactions are those of the cluster that was dumped', async () => {
    await twoNights('Schedule', lines(10, 1));
    const ofRow = 't.ctid = f.place and t.xmin = f.version';
    await server.sql(
      `create table dumped as select f.*, t.id from fhir_bucket_loader.fingerprint f left join schedule t on ${ofRow}`,
    );
    await server.sql(`update schedule set resource = '{"n":9}'`);
    // As a dump and a restore leave them where both clusters come from one image: the rows of today at the places of yesterday's.
    await server.sql('truncate fhir_bucket_loader.fingerprint');
    await server.sql(
      `insert into fhir_bucket_loader.fingerprint
       select hash, coalesce(t.ctid, place), coalesce(t.xmin, version), file from dumped left join schedule t using (id)`,
    );
    await server.sql('drop table dumped');
    assert.deepEqual(await fingerprints('schedule'), { all: 10, valid: 10 });
    assert.deepEqual((await upsert('Schedule', lines(10, 1))).counts, [0, 10, 0]);
    await upsert('Schedule', lines(10, 1));
    assert.deepEqual((await upsert('Schedule', lines(10, 1))).counts, [0, 0, 10]);
  });

  test('of rows that have changed or are gone are deleted once there are too many', async () => {
    await twoNights('Location', lines(10, 1));
    await server.sql('create table gone (id int)');
    for (const table of ['location', 'gone'])
      await server.sql(
        `insert into fhir_bucket_loader.fingerprint
         select gen_random_uuid(), format('(%s,1)', n)::tid, '3', pg_relation_filenode($1) from generate_series(1, 100000) n`,
        [table],
      );
    await server.sql('drop table gone');
    await upsert('Location', [{ id: 'new' }]);
    await waitFor(async () => (await fingerprints('location'))?.all === 11, { what: 'the end of the others' });
    const rest = await server.sql(
      'select from fhir_bucket_loader.fingerprint where file not in (select relfilenode from pg_class)',
    );
    assert.deepEqual(rest, []);
    assert.deepEqual((await upsert('Location', lines(10, 1))).counts, [0, 0, 10]);
    assert.deepEqual(await fingerprints('location'), { all: 11, valid: 11 });
  });

  for (const [what, change] of [
    ['read', ''],
    ['see no row of them', 'alter table fhir_bucket_loader.fingerprint enable row level security'],
  ] as const)
    test(`can be done without: the role may only ${what}`, async (t) => {
      const parts = lastFirst(t);
      const database = await createMigratedDatabase(parts);
      const own = await asOwnRole(parts, database);
      const admin = new pg.Client(database.connection);
      await admin.connect();
      parts.after(() => admin.end());
      const role = pg.escapeIdentifier(own.connection.user ?? '');
      await admin.query(`grant create, usage on schema public, fhir_bucket_loader to ${role};
        grant all on all tables in schema public, fhir_bucket_loader to ${role};
        grant all on all sequences in schema public, fhir_bucket_loader to ${role}`);
      await admin.query(change === '' ? `revoke insert on fhir_bucket_loader.fingerprint from ${role}` : change);
      const limited = await startTestServer(parts, { database: own });
      for (let night = 0; night < 3; night++) {
        const bucket = await limited.bucketOf({ 'List.ndjson': lines(10, 1) });
        await limited.load(bucket, { 'upsert?': true });
        const { status, unchanged } = await limited.loaderFile(bucket, 'List.ndjson');
        assert.deepEqual([status, unchanged], ['done', night === 0 ? 0 : 10]);
      }
    });

  test('can be done without: their table is gone', async () => {
    await server.sql('alter table fhir_bucket_loader.fingerprint rename to away');
    for (const counts of [
      [10, 0, 0],
      [0, 0, 10],
      [0, 0, 10],
    ])
      assert.deepEqual((await upsert('List', lines(10, 1))).counts, counts);
    await server.sql('alter table fhir_bucket_loader.away rename to fingerprint');
  });
});
