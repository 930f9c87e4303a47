import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const OBSERVATION = {
  resourceType: 'Observation',
  id: 'o-1',
  meta: { versionId: '7', lastUpdated: '2024-05-01T12:30:00.123456+02:00', profile: ['http://example.org/vital'] },
  status: 'final',
  subject: { reference: 'Patient/pt-1', display: 'Ada' },
  encounter: { reference: 'http://example.org/fhir/Encounter/9' },
  effectiveDateTime: '2024-05-01',
  valueQuantity: { value: 72, unit: 'bpm' },
  extension: [{ url: 'http://example.org/by', valueReference: { reference: 'Practitioner/dr-1' } }],
};

const server = await startTestServer({ after });

describe('Resources in Aidbox’s storage format', () => {
  const stored = async (table: string, id: string) => {
    const [row] = await server.sql<{ resource: unknown; ts: Date; cts: Date }>(
      `select resource, ts, cts from ${table} where id = $1`,
      [id],
    );
    assert.ok(row !== undefined);
    return row;
  };

  test('a load converts, and SQL written for Aidbox finds the rows', async () => {
    const bucket = await server.bucketOf({ 'Observation.ndjson.gz': [OBSERVATION] });
    await server.load(bucket);
    assert.deepEqual((await stored('observation', 'o-1')).resource, {
      meta: { profile: ['http://example.org/vital'] },
      status: 'final',
      subject: { resourceType: 'Patient', id: 'pt-1', display: 'Ada' },
      encounter: { uri: 'http://example.org/fhir/Encounter/9' },
      effective: { dateTime: '2024-05-01' },
      value: { Quantity: { value: 72, unit: 'bpm' } },
      extension: [{ url: 'http://example.org/by', value: { Reference: { resourceType: 'Practitioner', id: 'dr-1' } } }],
    });
    const found = `select id from observation
                    where resource #>> '{subject,id}' = 'pt-1' and resource #>> '{value,Quantity,value}' = '72'`;
    assert.deepEqual(await server.sql(found), [{ id: 'o-1' }]);
  });

  test('as-is stores the line as it stands', async () => {
    const { id, resourceType, ...rest } = { ...OBSERVATION, id: 'plain' };
    const bucket = await server.bucketOf({ 'Observation.ndjson.gz': [{ ...rest, id, resourceType }] });
    await server.load(bucket, { format: 'as-is' });
    assert.deepEqual((await stored('observation', 'plain')).resource, rest);
  });

  test('a file that is in the storage format already stays as it is', async () => {
    const resource = { subject: { resourceType: 'Patient', id: 'pt-1' }, value: { Quantity: { value: 1 } } };
    await server.load(await server.bucketOf({ 'Observation.ndjson': [{ id: 'aidbox', ...resource }] }));
    assert.deepEqual((await stored('observation', 'aidbox')).resource, resource);
  });

  test('fhir-version says what is a choice: Encounter.reason is one of R5’s references, not of R4’s', async () => {
    const encounter = { reason: [{ value: [{ reference: { reference: 'Condition/c' } }] }] };
    const files = (id: string) => server.bucketOf({ 'Encounter.ndjson': [{ id, ...encounter }] });
    await server.load(await files('r4'));
    await server.load(await files('r5'), { 'fhir-version': 'r5' });
    assert.deepEqual((await stored('encounter', 'r4')).resource, encounter);
    assert.deepEqual((await stored('encounter', 'r5')).resource, {
      reason: [{ value: [{ reference: { resourceType: 'Condition', id: 'c' } }] }],
    });
  });

  for (const upsert of [false, true]) {
    test(`keep-last-updated? stores meta.lastUpdated as ts, upsert? ${upsert}`, async () => {
      const kept = { ...OBSERVATION, id: `kept-${upsert}` };
      const now = { id: `now-${upsert}`, meta: { versionId: '1' } };
      const bucket = await server.bucketOf({ 'Observation.ndjson': [kept, now] });
      await server.load(bucket, { 'keep-last-updated?': true, 'upsert?': upsert });
      const [row] = await server.sql('select ts::text from observation where id = $1', [kept.id]);
      const [same] = await server.sql('select timestamptz $$2024-05-01 12:30:00.123456+02$$::text as ts');
      assert.deepEqual(row, same);
      const { ts, cts, resource } = await stored('observation', now.id);
      assert.deepEqual({ ts, resource }, { ts: cts, resource: {} });
    });
  }

  test('an instant that is none is a bad line, with its path', async () => {
    const bad = { resourceType: 'Task', id: 'bad', meta: { lastUpdated: '2024-02-30T00:00:00Z' } };
    const bucket = await server.bucketOf({ 'Task.ndjson': [{ id: 'good' }, bad] });
    await server.load(bucket, { 'keep-last-updated?': true, 'max-errors': 1 });
    const rows = await server.sql<{ resource: Record<string, unknown> }>('select resource from loadererror');
    assert.deepEqual(
      rows.map(({ resource }) => [resource['code'], String(resource['message']).slice(0, 44)]),
      [['last-updated-invalid', 'line 2, id "bad", Task.meta.lastUpdated: "la']],
    );
    assert.deepEqual(await server.sql('select id from task'), [{ id: 'good' }]);
  });

  test('two forms of one element fail the file and name both', async () => {
    const two = '{"resourceType":"Observation","id":"two","component":[{"valueInteger":1,"value":2}]}';
    const bucket = await server.bucketOf({ 'Observation.ndjson': two });
    await server.load(bucket);
    const { status, message } = await server.loaderFile(bucket, 'Observation.ndjson');
    assert.equal(status, 'error');
    assert.match(
      message ?? '',
      /^line 1, id "two", Observation\.component\[0\]\.value: "valueInteger" and "value" are/,
    );
  });

  test('a file dealt to several backends is converted as well', async () => {
    const note = 'x'.repeat(2000);
    const rows = Array.from({ length: 8000 }, (_, n) => ({
      id: `many-${n}`,
      subject: { reference: `Patient/${n}` },
      note: [{ text: `${n}${note}`, authorString: 'me' }],
    }));
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    const bucket = await server.bucketOf({ 'ServiceRequest.ndjson': lines });
    await server.load(bucket, { 'thread-num': 3 });
    const [count] = await server.sql(
      `select count(*)::int as n from servicerequest
        where resource #>> '{subject,id}' = split_part(id, '-', 2) and resource #>> '{note,0,author,string}' = 'me'`,
    );
    assert.deepEqual(count, { n: 8000 });
  });

  test('calls for one bucket at one time must agree on the format', async () => {
    const bucket = await server.bucketOf({ 'Observation.ndjson': [{ id: 's' }] });
    const gate = await server.gate({ after }, 'observation');
    await server.startLoad(bucket);
    await gate.reached();
    const { status, body } = await server.startLoad(bucket, { format: 'as-is' });
    assert.equal(status, 422);
    assert.match(body.error?.message ?? '', /is being loaded with format: fhir\./);
    await gate.open();
    await server.ended(bucket);
  });

  test('keep-last-updated? contradicts as-is', async () => {
    const params = { format: 'as-is', 'keep-last-updated?': true };
    const { status, body } = await server.startLoad('any-bucket', params);
    assert.equal(status, 422);
    assert.deepEqual(
      body.error?.errors?.map(({ path }) => path),
      ['keep-last-updated?'],
    );
  });
});

test('LOADER_FORMAT, FHIR_VERSION and BOX_FHIR_CORRECT_AIDBOX_FORMAT are the defaults', async (t) => {
  const env = { LOADER_FORMAT: 'fhir', FHIR_VERSION: 'R5', BOX_FHIR_CORRECT_AIDBOX_FORMAT: 'false' };
  const server = await startTestServer(t, { env });
  const encounter = {
    reason: [{ value: [{ reference: { reference: 'Condition/c' } }] }],
    extension: [{ url: 'u', valueReference: { reference: 'Patient/1' } }],
  };
  await server.load(await server.bucketOf({ 'Encounter.ndjson': [{ id: 'e', ...encounter }] }));
  assert.deepEqual(await server.sql('select resource from encounter'), [
    {
      resource: {
        reason: [{ value: [{ reference: { resourceType: 'Condition', id: 'c' } }] }],
        extension: [{ url: 'u', valueReference: { resourceType: 'Patient', id: '1' } }],
      },
    },
  ]);
  const plain = await startTestServer(t, { env: { LOADER_FORMAT: 'as-is' } });
  await plain.load(await plain.bucketOf({ 'Encounter.ndjson': [{ id: 'e', ...encounter }] }));
  assert.deepEqual(await plain.sql('select resource from encounter'), [{ resource: encounter }]);
});
