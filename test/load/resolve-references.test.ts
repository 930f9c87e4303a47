import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const RESOLVE = { 'resolve-references?': true };
const server = await startTestServer({ after });

let bucketNumber = 0;
/** Identifiers and ids of a test of its own: the tests share the tables. */
const mark = () => `t${++bucketNumber}`;
const doctor = (id: string, ...values: string[]) => ({
  id,
  identifier: values.map((value) => ({ system: NPI, value })),
});
const byNpi = (value: string) => ({ reference: `Practitioner?identifier=${NPI}|${value}` });
const open = (value: string) => ({ uri: byNpi(value).reference });
const to = (type: string, id: string) => ({ resourceType: type, id });
const encounter = (id: string, individual: object, more: object = {}) => ({
  id,
  participant: [{ individual }],
  ...more,
});
const counted = (resolved: number, unresolved = {}, ambiguous = {}) => ({ resolved, unresolved, ambiguous });

const individualOf = async (id: string) =>
  (
    await server.sql<{ to: object }>(
      `select resource #> '{participant,0,individual}' as to from encounter where id = $1`,
      [id],
    )
  )[0]?.to;
const verbose = async (bucket: string) =>
  (await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}`, verbose: true })).body
    .result as {
    references?: object;
    message?: string;
  };
const indexed = async () => (await server.sql('select 1 from fhir_bucket_loader.identifier')).length;

describe('resolve-references?', () => {
  test('what is referred to is loaded first, and references have type and id from the first version of the row on', async () => {
    const t = mark();
    const bucket = await server.bucketOf({
      // Larger than the others, so that it would be begun first.
      'Encounter.ndjson': Array.from({ length: 300 }, (_, n) => encounter(`${t}-e${n}`, byNpi(`${t}-${n % 3}`))),
      'Practitioner-1.ndjson.gz': [doctor(`${t}-dr0`, `${t}-0`), doctor(`${t}-dr1`, `${t}-1`)],
      'Practitioner-2.ndjson': [doctor(`${t}-dr2`, 'other', `${t}-2`)],
    });
    assert.deepEqual(await server.load(bucket, RESOLVE), { state: 'completed', progress: { total: 3, done: 3 } });
    const [rows] = await server.sql(
      `select count(*)::int as n, count(*) filter (where resource #>> '{participant,0,individual,id}' =
         $1 || '-dr' || (substring(id from 'e(.*)')::int % 3))::int as right,
         count(*) filter (where status = 'created')::int as created
         from encounter where id like $1 || '-e%'`,
      [t],
    );
    assert.deepEqual(rows, { n: 300, right: 300, created: 300 });
    assert.deepEqual((await server.loaderFile(bucket, 'Encounter.ndjson')).references, counted(300));
    assert.deepEqual((await server.loaderFile(bucket, 'Practitioner-2.ndjson')).references, counted(0));
    assert.deepEqual((await verbose(bucket)).references, counted(300));
    assert.equal(await indexed(), 0, 'the identifiers are deleted at the end of the load');
  });

  test('by the resources that the database has; what matches nothing or several stays, and is counted by type', async () => {
    const t = mark();
    await server.load(
      await server.bucketOf({
        'Practitioner.ndjson': [
          doctor(`${t}-a`, `${t}-1`),
          doctor(`${t}-b`, `${t}-twice`),
          doctor(`${t}-c`, `${t}-twice`),
          { id: `${t}-d`, identifier: [{ value: `${t}|bar` }, { system: 'x', value: `${t}-any` }] },
        ],
      }),
    );
    const bucket = await server.bucketOf({
      'Encounter.ndjson': [
        encounter(`${t}-1`, { ...byNpi(`${t}-1`), display: 'Ada' }),
        encounter(`${t}-2`, byNpi(`${t}-twice`)),
        encounter(`${t}-3`, byNpi(`${t}-nobody`), { serviceProvider: { reference: 'Organization?identifier=a|b' } }),
        encounter(`${t}-4`, { reference: `Practitioner?identifier=|${t}\\|bar` }),
        encounter(`${t}-5`, { reference: `Practitioner?identifier=${t}-any` }),
        encounter(`${t}-6`, { reference: `Practitioner?identifier=y|${t}-any` }),
        encounter(`${t}-7`, { reference: `Practitioner?identifier=${NPI}|${t}-1&active=true` }),
        encounter(`${t}-8`, { reference: `Practitioner?identifier=${encodeURIComponent(`${NPI}|${t}-1`)}` }),
        encounter(`${t}-9`, { reference: 'practitioner?identifier=x' }),
        encounter(`${t}-10`, { reference: `Nothing?identifier=${t}-any` }),
        encounter(`${t}-11`, { reference: `PRACTITIONER?identifier=${t}-any` }),
        encounter(`${t}-12`, { reference: 'http://example.org/Practitioner/1' }),
      ],
    });
    const { message, ...ended } = await server.load(bucket, RESOLVE);
    assert.deepEqual(ended, { state: 'completed', progress: { total: 1, done: 1 } });
    const counts = counted(4, { Practitioner: 3, Organization: 1, Nothing: 1, PRACTITIONER: 1 }, { Practitioner: 1 });
    assert.deepEqual((await server.loaderFile(bucket, 'Encounter.ndjson')).references, counts);
    assert.deepEqual((await verbose(bucket)).references, counts);
    assert.match(
      message ?? '',
      /3 to Practitioner.*match nothing; 1 to Practitioner match several.*fhir-bucket-loader\/resolve/,
    );
    assert.deepEqual(await individualOf(`${t}-1`), { ...to('Practitioner', `${t}-a`), display: 'Ada' });
    assert.deepEqual(await individualOf(`${t}-2`), open(`${t}-twice`));
    assert.deepEqual(await individualOf(`${t}-3`), open(`${t}-nobody`));
    assert.deepEqual(await individualOf(`${t}-4`), to('Practitioner', `${t}-d`));
    assert.deepEqual(await individualOf(`${t}-5`), to('Practitioner', `${t}-d`));
    assert.deepEqual(await individualOf(`${t}-8`), to('Practitioner', `${t}-a`));
    for (const n of [6, 7, 9, 10, 11, 12]) assert.ok('uri' in ((await individualOf(`${t}-${n}`)) ?? {}), `${n}`);
  });

  test('FHIR’s escapes are read and alternatives are not; what Postgres cannot hold fails no file', async () => {
    const t = mark();
    await server.load(
      await server.bucketOf({
        'Practitioner.ndjson': [
          { id: `${t}-a`, identifier: [{ system: 's', value: `${t},s|b` }] },
          { id: `${t}-b`, identifier: [{ system: 's', value: `${t}%00` }] },
        ],
      }),
    );
    const queries = [
      `s|${t}\\,s\\|b`,
      `s%7C${t}%5C,s\\|b`,
      `s|${t},s|b`,
      `s|${t}|b`,
      `s|${t}%00`,
      `s|${t}%ED%A0%80`,
      `s|${t}%`,
    ];
    const all = queries.map((query, n) => encounter(`${t}-${n}`, { reference: `Practitioner?identifier=${query}` }));
    // A key with an escape has a line converted by the other of the two converters.
    const slow = all.map((each, n) => JSON.stringify({ ...each, id: `${t}-slow-${n}` }).replace('"id"', '"\\u0069d"'));
    const text = [...all.map((each) => JSON.stringify(each)), ...slow].join('\n');
    const bucket = await server.bucketOf({
      'Encounter.ndjson': text,
      'Goal.ndjson': [{ id: `${t}-g`, subject: { reference: 'urn:uuid:%00' } }],
    });
    const { message: _, ...ended } = await server.load(bucket, RESOLVE);
    assert.deepEqual(ended, { state: 'completed', progress: { total: 2, done: 2 } });
    assert.deepEqual(
      (await server.loaderFile(bucket, 'Encounter.ndjson')).references,
      counted(4, { Practitioner: 10 }),
    );
    for (const [n, query] of queries.entries()) {
      const expected = n < 2 ? to('Practitioner', `${t}-a`) : { uri: `Practitioner?identifier=${query}` };
      assert.deepEqual(await individualOf(`${t}-${n}`), expected, query);
      assert.deepEqual(await individualOf(`${t}-slow-${n}`), expected, query);
    }
  });

  test('a line with U+0000 or half a pair in a reference is the line’s own failure, not the look-up’s', async () => {
    const t = mark();
    const line = (id: string, query: string) =>
      `{"id":"${t}-${id}","participant":[{"individual":{"reference":"Practitioner?identifier=${query}"}}]}`;
    const bucket = await server.bucketOf({
      'Encounter.ndjson': [line('1', '\\u0000'), line('2', '\\ud800'), line('3', 'nobody')].join('\n'),
    });
    const { message: _, ...ended } = await server.load(bucket, { ...RESOLVE, 'max-errors': 5 });
    assert.deepEqual(ended, { state: 'completed', progress: { total: 1, done: 1 }, 'lines-left-out': 2 });
    assert.deepEqual((await server.loaderFile(bucket, 'Encounter.ndjson')).references, counted(0, { Practitioner: 1 }));
  });

  test('urn:uuid names the resource of the load that has the id, of any type, if only one has it', async () => {
    const t = mark();
    const bucket = await server.bucketOf({
      'Patient.ndjson': [{ id: `${t}-p` }, { id: `${t}-both` }],
      'Location.ndjson': [{ id: `${t}-l` }, { id: `${t}-both` }],
      'Encounter.ndjson': [
        encounter(
          `${t}-e`,
          { reference: `urn:uuid:${t}-none` },
          {
            subject: { reference: `urn:uuid:${t}-p` },
            location: [
              { location: { reference: `urn:uuid:${t}-l` } },
              { location: { reference: `urn:uuid:${t}-both` } },
            ],
          },
        ),
      ],
    });
    await server.load(bucket, RESOLVE);
    const [row] = await server.sql(`select resource from encounter where id = $1`, [`${t}-e`]);
    assert.deepEqual(row, {
      resource: {
        participant: [{ individual: { uri: `urn:uuid:${t}-none` } }],
        subject: to('Patient', `${t}-p`),
        location: [{ location: to('Location', `${t}-l`) }, { location: { uri: `urn:uuid:${t}-both` } }],
      },
    });
    assert.deepEqual(
      (await server.loaderFile(bucket, 'Encounter.ndjson')).references,
      counted(2, { 'urn:uuid': 1 }, { 'urn:uuid': 1 }),
    );
  });

  test('left out as it is by default, where only references within the definitions’ reach are touched', async () => {
    const t = mark();
    const bucket = await server.bucketOf({
      'Practitioner.ndjson': [doctor(`${t}-a`, t)],
      'Encounter.ndjson': [encounter(`${t}-e`, byNpi(t))],
    });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
    assert.deepEqual(await individualOf(`${t}-e`), open(t));
    assert.equal((await server.loaderFile(bucket, 'Encounter.ndjson')).references, undefined);
    assert.equal((await verbose(bucket)).references, undefined);
  });

  test('max-errors: only references of rows that stay are counted, whether the loader or Postgres refuses the others', async () => {
    const t = mark();
    await server.load(await server.bucketOf({ 'Encounter.ndjson': [{ id: `${t}-there` }] }));
    const bucket = await server.bucketOf({
      'Practitioner.ndjson': [doctor(`${t}-a`, t), { id: 1 }],
      'Encounter.ndjson': [
        encounter(`${t}-1`, byNpi(t)),
        encounter(`${t}-there`, byNpi(t), { serviceProvider: byNpi('none') }),
        encounter(`${t}-bad`, byNpi('none'), { subject: { reference: 'Patient/1', resourceType: 'Patient' } }),
        encounter(`${t}-2`, byNpi('none')),
      ],
    });
    const { message: _, ...ended } = await server.load(bucket, { ...RESOLVE, 'max-errors': 5 });
    assert.deepEqual(ended, { state: 'completed', progress: { total: 2, done: 2 }, 'lines-left-out': 3 });
    const { references, loaded } = await server.loaderFile(bucket, 'Encounter.ndjson');
    assert.deepEqual({ references, loaded }, { references: counted(1, { Practitioner: 1 }), loaded: 2 });
  });

  test('upsert?: identifiers are those that the load has written', async () => {
    const t = mark();
    await server.load(
      await server.bucketOf({ 'Practitioner.ndjson': [doctor(`${t}-a`, `${t}-old`), doctor(`${t}-b`, `${t}-b`)] }),
    );
    const bucket = await server.bucketOf({
      'Practitioner.ndjson': [doctor(`${t}-a`, `${t}-new`)],
      'Encounter.ndjson': [
        encounter(`${t}-1`, byNpi(`${t}-old`)),
        encounter(`${t}-2`, byNpi(`${t}-new`)),
        encounter(`${t}-3`, byNpi(`${t}-b`)),
      ],
    });
    await server.load(bucket, { ...RESOLVE, 'upsert?': true });
    assert.deepEqual(await individualOf(`${t}-1`), open(`${t}-old`));
    assert.deepEqual(await individualOf(`${t}-2`), to('Practitioner', `${t}-a`));
    assert.deepEqual(await individualOf(`${t}-3`), to('Practitioner', `${t}-b`));
  });

  test('a file that another call adds while the load runs is seen by the files that are begun after it', async (t) => {
    const m = mark();
    const bucket = await server.bucketOf({
      'Practitioner-1.ndjson': [doctor(`${m}-a`, `${m}-1`)],
      'Encounter-1.ndjson': [encounter(`${m}-e1`, byNpi(`${m}-1`)), encounter(`${m}-e2`, byNpi(`${m}-2`))],
      'Encounter-2.ndjson': [encounter(`${m}-e3`, byNpi(`${m}-2`))],
    });
    const gate = await server.gate(t, 'encounter');
    await server.startLoad(bucket, { ...RESOLVE, 'thread-num': 1 });
    await gate.reached();
    await server.s3.putObject(
      bucket,
      'Practitioner-2.ndjson',
      `{"id":"${m}-b","identifier":[{"system":"${NPI}","value":"${m}-2"}]}`,
    );
    await server.startLoad(bucket, { ...RESOLVE, 'thread-num': 1 });
    await gate.open();
    await server.ended(bucket);
    assert.deepEqual(await individualOf(`${m}-e2`), open(`${m}-2`), 'it was looked up before');
    assert.deepEqual(await individualOf(`${m}-e3`), to('Practitioner', `${m}-b`));
  });

  test('a file that refers to another that is still being loaded goes back to the queue, and is resolved after it', async (t) => {
    const m = mark();
    const bucket = await server.bucketOf({
      'Encounter.ndjson': [{ id: `${m}-e` }],
      'Observation.ndjson': [{ id: `${m}-o`, encounter: { reference: `urn:uuid:${m}-e` } }],
      'Provenance.ndjson': [
        { id: `${m}-p`, target: [{ reference: `urn:uuid:${m}-o` }, { reference: `urn:uuid:${m}-e` }] },
      ],
      'Goal.ndjson': [{ id: `${m}-g`, subject: { reference: `Patient/${m}` } }],
    });
    const gate = await server.gate(t, 'encounter');
    await server.startLoad(bucket, RESOLVE);
    await gate.reached();
    const statusOf = async (type: string) => (await server.loaderFile(bucket, `${type}.ndjson`)).status;
    await waitFor(async () => (await statusOf('Goal')) === 'done', { what: 'the file that refers to nothing open' });
    await waitFor(async () => (await statusOf('Observation')) === 'pending', { what: 'the file that does' });
    await gate.open();
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 4, done: 4 } });
    const rows = await server.sql(
      `select resource -> 'encounter' as refers from observation where id = $1 union all
       select resource -> 'target' from provenance where id = $2`,
      [`${m}-o`, `${m}-p`],
    );
    assert.deepEqual(rows, [
      { refers: to('Encounter', `${m}-e`) },
      { refers: [to('Observation', `${m}-o`), to('Encounter', `${m}-e`)] },
    ]);
    assert.deepEqual((await verbose(bucket)).references, counted(3));
  });

  test('two buckets at once have identifiers of their own', async (t) => {
    const [a, b] = [mark(), mark()];
    const gate = await server.gate(t, 'encounter');
    const buckets = await Promise.all(
      [a, b].map((m) =>
        server.bucketOf({
          'Practitioner.ndjson': [doctor(`${m}-a`, m)],
          'Encounter.ndjson': [encounter(`${m}-e`, byNpi(m))],
        }),
      ),
    );
    const [first = '', second = ''] = buckets;
    await server.startLoad(first, RESOLVE);
    await gate.reached();
    await server.startLoad(second, RESOLVE);
    const fills = () => server.sql('select distinct bucket from fhir_bucket_loader.identifier_fill order by 1');
    await waitFor(async () => (await fills()).length === 2, { what: 'identifiers of both' });
    await gate.open();
    for (const bucket of buckets) await server.ended(bucket);
    assert.deepEqual(await individualOf(`${a}-e`), to('Practitioner', `${a}-a`));
    assert.deepEqual(await individualOf(`${b}-e`), to('Practitioner', `${b}-a`));
    assert.equal(await indexed(), 0);
  });

  test('a cancelled load leaves no identifiers behind; called again it loads the rest', async (t) => {
    const m = mark();
    const gate = await server.gate(t, 'encounter');
    const bucket = await server.bucketOf({
      'Practitioner.ndjson': [doctor(`${m}-a`, m)],
      'Encounter.ndjson': [encounter(`${m}-e`, byNpi(m))],
    });
    await server.startLoad(bucket, RESOLVE);
    await gate.reached();
    assert.notEqual(await indexed(), 0);
    await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    assert.equal((await server.ended(bucket)).state, 'interrupted');
    assert.equal(await indexed(), 0);
    await gate.open();
    await server.load(bucket, RESOLVE);
    assert.deepEqual(await individualOf(`${m}-e`), to('Practitioner', `${m}-a`));
  });

  for (const [params, problem] of [
    [{ format: 'as-is' }, /needs format: fhir/],
    [{ 'drop-primary-key?': true }, /contradicts drop-primary-key\?/],
  ] as const) {
    test(`${Object.keys(params)[0]} beside it is refused by name`, async () => {
      const bucket = await server.bucketOf({ 'Patient.ndjson': [{ id: 'never' }] });
      const { status, body } = await server.startLoad(bucket, { ...RESOLVE, ...params });
      assert.equal(status, 422);
      assert.match(JSON.stringify(body.error?.errors), problem);
    });
  }
});

test('LOADER_FORMAT=as-is is refused as well', async (t) => {
  const other = await startTestServer(t, { env: { LOADER_FORMAT: 'as-is' } });
  const { status, body } = await other.startLoad(await other.bucketOf({ 'Patient.ndjson': [{ id: 'p' }] }), RESOLVE);
  assert.equal(status, 422);
  assert.match(body.error?.message ?? '', /resolve-references\? needs format: fhir/);
});
