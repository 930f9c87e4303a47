import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

/** A table of Aidbox's shape, but for what a case changes: column by column, in SQL. */
const COLUMNS: Readonly<Record<string, string>> = {
  id: 'text primary key',
  txid: 'bigint not null',
  ts: 'timestamptz default current_timestamp',
  cts: 'timestamptz default current_timestamp',
  resource_type: `text default 'X'`,
  status: 'resource_status not null',
  resource: 'jsonb not null',
};

function columns(change: Readonly<Record<string, string | undefined>> = {}): string {
  return Object.entries({ ...COLUMNS, ...change })
    .flatMap(([name, type]) => (type === undefined ? [] : [`${name} ${type}`]))
    .join(', ');
}

await server.sql(`
  create domain plain_id as text;
  create domain plain_text as plain_id check (length(value) < 1000);
  create domain uuid_id as uuid;
  create domain plain_jsonb as jsonb;
  create domain plain_bigint as bigint;
  create domain plain_time as timestamptz(6);
  create domain coarse_time as timestamptz(3);
  create domain plain_status as resource_status;
  create domain with_default as text default 'there' not null;
  create type other_status as enum ('new', 'old');
  create type wide_status as enum ('created', 'updated', 'deleted', 'recreated', 'archived');
  create collation ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);

/** Types of FHIR, one for each case, so that no two cases share a table. */
const TYPES = [
  'Account',
  'ActivityDefinition',
  'AdverseEvent',
  'AllergyIntolerance',
  'Appointment',
  'AuditEvent',
  'Basic',
];
TYPES.push(
  'SupplyRequest',
  'BodyStructure',
  'CarePlan',
  'CareTeam',
  'ChargeItem',
  'Claim',
  'Communication',
  'Composition',
);
TYPES.push(
  'Consent',
  'Contract',
  'Coverage',
  'Device',
  'Endpoint',
  'Flag',
  'Goal',
  'SupplyDelivery',
  'Invoice',
  'Library',
  'List',
);
TYPES.push(
  'Location',
  'Media',
  'Medication',
  'Observation',
  'Organization',
  'Parameters',
  'Person',
  'Provenance',
  'Schedule',
  'Slot',
  'Specimen',
  'StructureMap',
  'Substance',
  'SubstancePolymer',
  'SubstanceProtein',
  'Task',
  'TestReport',
  'ValueSet',
);
const nextType = (): string => {
  const type = TYPES.shift();
  assert.ok(type !== undefined, 'more cases than types');
  return type;
};

/** Makes the type's table, loads a file into it, and tells what came of it. */
async function loadInto(type: string, ddl: string, params: object = {}) {
  const table = type.toLowerCase();
  await server.sql(ddl.replaceAll('TABLE', table));
  const bucket = await server.bucketOf({ [`${type}.ndjson`]: [{ id: '0123456789abcdef', n: 1 }] });
  await server.load(bucket, params);
  return { table, file: await server.loaderFile(bucket, `${type}.ndjson`) };
}

const plain = (change: Readonly<Record<string, string | undefined>>, more = '') =>
  `create table TABLE (${columns(change)}); ${more}`;

describe('a table that would not hold the rows as they are: its files fail, with what is wrong, and nothing is written', () => {
  const cases: [what: string, ddl: string, message: RegExp][] = [
    ['resource text', plain({ resource: 'text' }), /column resource is text, must be jsonb/],
    ['resource json', plain({ resource: 'json' }), /column resource is json, must be jsonb/],
    ['resource bytea', plain({ resource: 'bytea' }), /column resource is bytea, must be jsonb/],
    ['id uuid', plain({ id: 'uuid primary key' }), /column id is uuid, must be text/],
    [
      'id of a domain over uuid',
      plain({ id: 'uuid_id primary key' }),
      /column id is uuid_id \(a domain over uuid\), must be text/,
    ],
    ['id bytea', plain({ id: 'bytea primary key' }), /column id is bytea, must be text/],
    ['id char', plain({ id: 'char(64) primary key' }), /column id is character\(64\), must be text/],
    ['id too short', plain({ id: 'varchar(32) primary key' }), /column id is character varying\(32\), must be text/],
    [
      'id case-blind',
      plain({ id: 'text collate ignoring_case primary key' }),
      /column id takes different ids for equal/,
    ],
    ['txid float8', plain({ txid: 'float8 not null' }), /column txid is double precision, must be bigint/],
    [
      'txid timestamp',
      plain({ txid: 'timestamp not null' }),
      /column txid is timestamp without time zone, must be bigint/,
    ],
    [
      'ts without zone',
      plain({ ts: 'timestamp default current_timestamp' }),
      /column ts is timestamp without time zone, must be timestamp with time zone/,
    ],
    [
      'ts that rounds',
      plain({ ts: 'timestamptz(0) default current_timestamp' }),
      /column ts is timestamp\(0\) with time zone, must be timestamp with time zone, to the microsecond/,
    ],
    [
      'cts of a domain that rounds',
      plain({ cts: 'coarse_time default current_timestamp' }),
      /column cts is coarse_time \(a domain over timestamp\(3\) with time zone\), must be timestamp with time zone, to/,
    ],
    ['ts without default', plain({ ts: 'timestamptz' }), /column ts has no default, must have current_timestamp/],
    ['no cts', plain({ cts: undefined }), /column cts is missing, must be timestamp with time zone/],
    ['resource_type bytea', plain({ resource_type: 'bytea' }), /column resource_type is bytea, must be text/],
    [
      'status text',
      plain({ status: 'text not null' }),
      /column status is text, must be an enum with created and updated/,
    ],
    [
      'status of other labels',
      plain({ status: 'other_status not null' }),
      /column status is other_status, must be an enum/,
    ],
    [
      'a generated column',
      plain({ resource_type: `text generated always as ('X') stored` }),
      /column resource_type is generated/,
    ],
    [
      'an identity',
      plain({ txid: 'bigint generated always as identity' }),
      /column txid is generated always as identity/,
    ],
    [
      'another column that must be given',
      plain({ tenant: 'text not null' }),
      /column tenant is not null and has no default/,
    ],
    [
      'a view',
      `create table base_TABLE (${columns()}); create view TABLE as select * from base_TABLE`,
      /it is a view, must be a table/,
    ],
    [
      'status of a domain over the enum',
      plain({ status: 'plain_status not null' }),
      /column status is plain_status \(a domain over resource_status\), must be an enum/,
    ],
    ['unlogged', `create unlogged table TABLE (${columns()})`, /it is unlogged/],
    [
      'tables that inherit from it',
      plain({}, 'create table child_TABLE () inherits (TABLE)'),
      /other tables inherit from it, whose ids its key does not cover/,
    ],
    [
      'a rule on insert',
      plain(
        {},
        'create table audit_TABLE (id text); create rule audit as on insert to TABLE do also insert into audit_TABLE values (new.id)',
      ),
      /COPY would not apply its rule audit on insert; drop or disable it/,
    ],
    ['no key', plain({ id: 'text' }), /it has no primary key on id alone/],
    [
      'a key on more than id',
      plain({ id: 'text' }, 'alter table TABLE add primary key (id, txid)'),
      /it has no primary key on id alone/,
    ],
    [
      'two things at once',
      plain({ id: 'uuid primary key', txid: 'integer' }),
      /column id is uuid, must be text; column txid is integer, must be bigint/,
    ],
  ];
  for (const [what, ddl, message] of cases) {
    test(what, async () => {
      const { file, table } = await loadInto(nextType(), ddl);
      assert.deepEqual(
        { status: file.status, error: file.error },
        { status: 'error', error: { source: 'aidbox', code: 'unfit-table' } },
      );
      assert.match(file.message ?? '', message);
      assert.match(file.message ?? '', new RegExp(`the table public\\.${table} cannot be used: `));
      assert.deepEqual(await server.sql(`select from ${table}`), []);
    });
  }
});

describe('a table that holds them, by other words: it is loaded into', () => {
  const cases: [what: string, ddl: string, params?: object][] = [
    [
      'domains over the right types',
      plain({
        id: 'plain_text primary key',
        resource_type: 'plain_id',
        resource: 'plain_jsonb not null',
        txid: 'plain_bigint not null',
        ts: 'plain_time default now()',
      }),
    ],
    ['varchar', plain({ id: 'varchar(64) primary key', resource_type: 'varchar' })],
    ['an enum with more labels', plain({ status: 'wide_status not null' })],
    [
      'further columns that fill themselves',
      plain({
        a: 'text',
        b: `text not null default 'b'`,
        c: 'with_default',
        d: 'text generated always as (resource_type) stored',
        e: 'bigint generated always as identity',
      }),
    ],
    [
      'a partitioned table',
      `create table TABLE (${columns()}) partition by hash (id); create table TABLE_0 partition of TABLE for values with (modulus 1, remainder 0)`,
    ],
    [
      'a table that inherits from another',
      `create table parent_TABLE (${columns()}); create table TABLE (primary key (id)) inherits (parent_TABLE)`,
    ],
    [
      'a rule on insert that is disabled',
      plain({}, 'create rule none as on insert to TABLE do instead nothing; alter table TABLE disable rule none'),
    ],
    ['no key, and none is wanted', plain({ id: 'text' }), { 'drop-primary-key?': true }],
  ];
  for (const [what, ddl, params] of cases) {
    test(what, async () => {
      const { file, table } = await loadInto(nextType(), ddl, params);
      assert.deepEqual(
        { status: file.status, loaded: file.loaded, message: file.message },
        { status: 'done', loaded: 1, message: undefined },
      );
      const rows = await server.sql(`select id::text, status::text, resource from ${table}`);
      assert.deepEqual(rows, [{ id: '0123456789abcdef', status: 'created', resource: { n: 1 } }]);
    });
  }
});

test('columns of domains, of a table and its history: rows are compared, overwritten and kept like any others', async () => {
  const type = nextType();
  const table = type.toLowerCase();
  const domains = { txid: 'plain_bigint not null', ts: 'plain_time default now()', resource: 'plain_jsonb not null' };
  await server.sql(`create table ${table} (${columns(domains)});
    create table ${table}_history (${columns({ ...domains, id: 'text' })}, primary key (id, txid))`);
  const params = { 'upsert?': true, 'history?': true };
  for (const n of [1, 2]) {
    const bucket = await server.bucketOf({ [`${type}.ndjson`]: [{ id: 'same' }, { id: 'other', n }] });
    assert.deepEqual((await server.load(bucket, params)).progress, { total: 1, done: 1 });
  }
  assert.deepEqual(
    await server.sql(
      `select id, status::text, resource from ${table} union all select id, status::text, resource from ${table}_history order by 2, 1`,
    ),
    [
      { id: 'other', status: 'created', resource: { n: 1 } },
      { id: 'same', status: 'created', resource: {} },
      { id: 'other', status: 'updated', resource: { n: 2 } },
    ],
  );
});

test('a history table whose ts rounds: with history? the files fail, with what to alter', async () => {
  const type = nextType();
  const table = type.toLowerCase();
  await server.sql(`create table ${table} (${columns({ ts: 'timestamptz(6) default current_timestamp' })});
    create table ${table}_history (${columns({ id: 'text', ts: 'timestamptz(5)' })}, primary key (id, txid))`);
  const { file } = await loadInto(type, '', { 'upsert?': true, 'history?': true });
  assert.match(
    file.message ?? '',
    new RegExp(`table public\\.${table}_history cannot be used: column ts is timestamp\\(5\\) with time zone, must be`),
  );
});

test('row-level security that applies to the role: the files fail, with what to do', async () => {
  const type = nextType();
  const table = type.toLowerCase();
  await server.sql(`create table ${table} (${columns()}); alter table ${table} enable row level security`);
  const { user } = server.database.connection;
  const [row] = await server.sql<{ super: boolean }>('select rolsuper as super from pg_roles where rolname = $1', [
    user,
  ]);
  // A superuser is above it, and so is an owner who is not forced.
  if (row?.super === true) {
    const bucket = await server.bucketOf({ [`${type}.ndjson`]: [{ id: 'above' }] });
    await server.load(bucket);
    assert.equal((await server.loaderFile(bucket, `${type}.ndjson`)).status, 'done');
    return;
  }
  const { file } = await loadInto(type, `alter table TABLE force row level security`);
  assert.match(file.message ?? '', /row-level security applies to the role/);
});
