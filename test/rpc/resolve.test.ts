import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const server = await startTestServer({ after });
const resolve = async (params: object = {}) => (await server.rpc('fhir-bucket-loader/resolve', params)).body;
const practitioner = (id: string, ...identifier: object[]) => ({ id, identifier });
const to = (reference: string) => ({ actor: { reference } });

test('references by identifier and by uuid get the type and id that they mean; the rest is counted and left', async () => {
  const uuid = '0a0a0a0a-1111-2222-3333-444444444444';
  const bucket = await server.bucketOf({
    'Practitioner.ndjson': [
      practitioner('dr-1', { system: NPI, value: '1' }, { value: 'no|system' }),
      practitioner('dr-2', { system: NPI, value: '2' }, { system: 'x', value: 'same' }),
      practitioner('dr-3', { system: 'y', value: 'same' }, { system: NPI, value: 'twice' }),
      practitioner('dr-4', { system: NPI, value: 'twice' }),
    ],
    'Patient.ndjson': [{ id: uuid }],
    'Encounter.ndjson':
      `{"id":"e-1","length":{"value":1.10},"subject":{"reference":"urn:uuid:${uuid}","display":"Ada"},` +
      `"participant":[{"individual":{"reference":"Practitioner?identifier=${NPI}|1","id":"element"}},` +
      `{"individual":{"reference":"Practitioner?identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-npi%7C2"}},` +
      `{"individual":{"reference":"Practitioner?identifier=${NPI}|twice"}},` +
      `{"individual":{"reference":"Practitioner?identifier=same"}},` +
      `{"individual":{"reference":"Practitioner?identifier=y|same"}},` +
      `{"individual":{"reference":"Practitioner?identifier=|no\\\\|system"}},` +
      `{"individual":{"reference":"Practitioner?identifier=${NPI}|9&active=true"}},` +
      `{"individual":{"reference":"Practitioner?identifier=${NPI}|9"}}],` +
      `"serviceProvider":{"reference":"Organization?identifier=a|b"},"note":"Practitioner?identifier=${NPI}|1"}`,
  });
  await server.load(bucket);
  const [before] = await server.sql<{ txid: string }>('select txid from encounter');

  assert.deepEqual((await resolve()).result, {
    resources: 1,
    resolved: 5,
    unresolved: { Organization: 1, Practitioner: 2 },
    ambiguous: { Practitioner: 2 },
  });
  const [after] = await server.sql<{ resource: Record<string, unknown>; text: string; txid: string; status: string }>(
    'select resource, resource::text as text, txid, status from encounter',
  );
  const person = (id: string) => ({ individual: { resourceType: 'Practitioner', id } });
  const open = (query: string) => ({ individual: { uri: `Practitioner?identifier=${query}` } });
  assert.deepEqual(after?.resource, {
    length: { value: 1.1 },
    subject: { resourceType: 'Patient', id: uuid, display: 'Ada' },
    participant: [
      { individual: { resourceType: 'Practitioner', id: 'dr-1', _id: 'element' } },
      person('dr-2'),
      open(`${NPI}|twice`),
      open('same'),
      person('dr-3'),
      person('dr-1'),
      open(`${NPI}|9&active=true`),
      open(`${NPI}|9`),
    ],
    serviceProvider: { uri: 'Organization?identifier=a|b' },
    note: `Practitioner?identifier=${NPI}|1`,
  });
  assert.match(after?.text ?? '', /"value": 1\.10\b/);
  assert.equal(after?.status, 'updated');
  assert.notEqual(after?.txid, before?.txid);
  const [former] = await server.sql('select txid, status from encounter_history');
  assert.deepEqual(former, { txid: before?.txid, status: 'created' });
});

test('called again it resolves what has come since, and only that', async () => {
  await server.load(
    await server.bucketOf({ 'Organization.ndjson': [{ id: 'o', identifier: [{ system: 'a', value: 'b' }] }] }),
  );
  assert.deepEqual((await resolve({ types: ['Encounter'] })).result, {
    resources: 1,
    resolved: 1,
    unresolved: { Practitioner: 2 },
    ambiguous: { Practitioner: 2 },
  });
  const [row] = await server.sql(`select resource -> 'serviceProvider' as provider from encounter`);
  assert.deepEqual(row, { provider: { resourceType: 'Organization', id: 'o' } });
});

test('more resources than a batch, of every size', async () => {
  const rows = Array.from({ length: 1203 }, (_, n) => ({
    id: `a-${n}`,
    participant: [to(`Practitioner?identifier=${NPI}|${(n % 2) + 1}`)],
  }));
  await server.load(await server.bucketOf({ 'Appointment.ndjson': rows }));
  const { result } = await resolve({ types: ['Appointment'] });
  assert.deepEqual(result, { resources: 1203, resolved: 1203, unresolved: {}, ambiguous: {} });
  const [counted] = await server.sql(
    `select count(*)::int as n from appointment
      where resource #>> '{participant,0,actor,id}' = 'dr-' || ((split_part(id, '-', 2)::int % 2) + 1)`,
  );
  assert.deepEqual(counted, { n: 1203 });
});

test('what Postgres cannot hold is counted, and does not stop the rest', async () => {
  const queries = ['%00', `${NPI}|1%00`, `${NPI}|1,${NPI}|2`, `${NPI}|1`];
  const rows = queries.map((query, n) => ({ id: `g-${n}`, participant: [to(`Practitioner?identifier=${query}`)] }));
  await server.load(await server.bucketOf({ 'Appointment.ndjson': rows }));
  const { result } = await resolve({ types: ['Appointment'] });
  assert.deepEqual(result, { resources: 1, resolved: 1, unresolved: { Practitioner: 3 }, ambiguous: {} });
});

test('a batch that Postgres makes give way is written again, a few times', async (t) => {
  const other = await startTestServer(t);
  await other.load(
    await other.bucketOf({
      'Organization.ndjson': [{ id: 'o', identifier: [{ system: 'a', value: 'b' }] }],
      'Patient.ndjson': [{ id: 'p', managingOrganization: { reference: 'Organization?identifier=a|b' } }],
    }),
  );
  await other.sql('create sequence attempt');
  await other.sql('create table fault (most int, code text)');
  await other.sql(
    `create function give_way() returns trigger language plpgsql as $$ begin
       if nextval('attempt') <= (select most from fault) then
         raise exception 'made to fail' using errcode = (select code from fault);
       end if;
       return new;
     end $$`,
  );
  await other.sql('create trigger give_way before update on patient for each row execute function give_way()');
  const withFaults = async (most: number, code: string) => {
    await other.sql('delete from fault');
    await other.sql('insert into fault values ($1, $2)', [most, code]);
    await other.sql(`alter sequence attempt restart`);
    const { body } = await other.rpc('fhir-bucket-loader/resolve');
    const [row] = await other.sql<{ n: number }>('select last_value::int as n from attempt');
    return { ...body, attempts: row?.n };
  };
  const always = await withFaults(100, '40P01');
  assert.deepEqual([always.error?.code, always.attempts], ['40P01', 5]);
  const final = await withFaults(100, '42501');
  assert.deepEqual([final.error?.code, final.attempts], ['42501', 1]);
  const passing = await withFaults(2, '40001');
  assert.deepEqual(passing.result, { resources: 1, resolved: 1, unresolved: {}, ambiguous: {} });
  assert.equal(passing.attempts, 3);
  assert.equal((await other.sql('select 1 from patient_history')).length, 1);
});

test('a database with first-class extensions says that they are not applied', async (t) => {
  const other = await startTestServer(t);
  const bucket = await other.bucketOf({ 'Patient.ndjson': [{ id: 'p' }] });
  const first = await other.startLoad(bucket);
  assert.doesNotMatch(JSON.stringify(first.body), /first-class/);
  assert.equal((await other.ended(bucket)).message, undefined);
  await other.sql(
    `create table attribute (id text primary key, txid bigint not null, ts timestamptz, cts timestamptz,
       resource_type text, status resource_status not null, resource jsonb not null)`,
  );
  await other.sql(
    `insert into attribute values ('a', 1, now(), now(), 'Attribute', 'created', '{"extensionUrl": "http://x"}')`,
  );
  const { body } = await other.startLoad(bucket);
  assert.match(JSON.stringify(body.result), /first-class extensions .* does not apply them/);
  assert.match((await other.ended(bucket)).message ?? '', /first-class extensions/);
});

test('types name resource tables alone, never the versions in a history table; one that is not known is refused', async () => {
  await server.load(
    await server.bucketOf({ 'Practitioner.ndjson': [practitioner('dr-h', { system: NPI, value: 'h' })] }),
  );
  await server.load(await server.bucketOf({ 'Schedule.ndjson': [{ id: 's-1' }] }), {
    'history?': true,
    'upsert?': true,
  });
  await server.sql(`insert into schedule_history (id, txid, status, resource_type, resource)
    select id, 1, 'created', resource_type, '{"actor": [{"uri": "Practitioner?identifier=${NPI}|h"}]}' from schedule`);
  for (const type of ['schedule_history', 'pg_class', 'loaderfile', 'Schedul'])
    assert.deepEqual((await resolve({ types: ['Schedule', type] })).error, {
      message: `${type} is neither a resource type of FHIR nor one that has a table.`,
    });
  assert.deepEqual((await resolve({ types: ['schedule', 'Flag'] })).result, {
    resources: 0,
    resolved: 0,
    unresolved: {},
    ambiguous: {},
  });
  const [version] = await server.sql<{ uri: string }>(
    "select resource #>> '{actor,0,uri}' as uri from schedule_history",
  );
  assert.equal(version?.uri, `Practitioner?identifier=${NPI}|h`);
});
