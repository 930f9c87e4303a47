import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { resourceTypeOfKey } from '../../src/load/resource-type-of-key.ts';
import { startTestServer } from '../support/test-server.ts';

const types = new Map(
  ['Patient', 'Medication', 'MedicationRequest', 'Observation', 'Icd10Code', 'my_type', 'my_type_2', 'patient_1'].map(
    (type) => [type.toLowerCase(), type],
  ),
);

describe('resourceTypeOfKey', () => {
  for (const [key, type] of [
    ['fhir/1/Patient.ndjson.gz', 'Patient'],
    ['fhir/1/patient-01.ndjson.gz', 'Patient'],
    ['fhir/1/patient-01.ndjson.zst', 'Patient'],
    ['Observation.ndjson.gz', 'Observation'],
    ['a/b/c/d e/Patient_x.y.ndjson', 'Patient'],
    ['PATIENT.000.ndjson.gz', 'Patient'],
    ['Patient01.ndjson', 'Patient'],
    ['Patient é.ndjson', 'Patient'],
    ['MedicationRequest-1.ndjson.gz', 'MedicationRequest'],
    ['medicationrequest.ndjson', 'MedicationRequest'],
    ['Medication-Request.ndjson', 'Medication'],
    ['Icd10Code.ndjson.gz', 'Icd10Code'],
    ['icd10code_5-a.ndjson.gz', 'Icd10Code'],
    ['my_type.ndjson', 'my_type'],
    ['My_Type_2.ndjson', 'my_type_2'],
    ['my_type_3.ndjson', 'my_type'],
    // A table of that name takes nothing away from Patient.
    ['patient_1.ndjson', 'Patient'],
    ['Icd10Codes.ndjson.gz', undefined],
    ['Icd10.ndjson.gz', undefined],
    ['my.ndjson', undefined],
    ['import.ndjson', undefined],
    ['01-patient.ndjson.gz', undefined],
    ['fhir/Patient', undefined],
    ['PatientExport.ndjson.gz', undefined],
    ['Patienté.ndjson.gz', undefined],
    ['Pati.ndjson.gz', undefined],
    ['Patient/1.ndjson.gz', undefined],
    ['Patient.ndjson.gz/', undefined],
    ['Patient.json', undefined],
    ['Patient.ndjson.zip', undefined],
    ['Patient.ndjson.gz.bak', undefined],
    ['Patientndjson', undefined],
    [' Patient.ndjson', undefined],
    ['.ndjson', undefined],
    ['', undefined],
  ] as const)
    test(`${JSON.stringify(key)} is ${type ?? 'ignored'}`, () => {
      assert.equal(resourceTypeOfKey(key, types), type);
    });
});

test('a name of any length is compared with no more than the longest type there can be', () => {
  let compared = 0;
  const counting = {
    ...types,
    get(name: string) {
      compared++;
      assert.ok(name.length <= 63, `a name of ${name.length} characters was looked up`);
      return undefined;
    },
  } as unknown as typeof types;
  for (const name of ['x'.repeat(1_000_000), `x${'1'.repeat(1_000_000)}`, `x1${'_'.repeat(1_000_000)}`]) {
    assert.equal(resourceTypeOfKey(`${name}.ndjson.gz`, counting), undefined);
    assert.equal(resourceTypeOfKey(`${name}.ndjsonx`, counting), undefined);
  }
  assert.ok(compared <= 3 * 63, `${compared} look-ups`);
});

describe('file names, through the server', () => {
  test('types of FHIR R4, R4B and R5 are known, in any case; other names are ignored', async (t) => {
    const server = await startTestServer(t);
    const bucket = await server.bucketOf({
      'fhir/1/Patient.ndjson.gz': [{ resourceType: 'Patient', id: '1' }],
      'fhir/1/patient-01.ndjson.gz': [{ resourceType: 'Patient', id: '2' }],
      // R4 only, R4B and R5, R5 only.
      'MEDIA.ndjson': [{ resourceType: 'Media', id: 'r4' }],
      'citation-1.ndjson': [{ resourceType: 'Citation', id: 'r4b' }],
      'deviceAssociation.ndjson': [{ resourceType: 'DeviceAssociation', id: 'r5' }],
      'import.ndjson': '{"id":"x"}',
      '01-patient.ndjson.gz': '{"id":"x"}',
      'fhir/Patient': '{"id":"x"}',
      'PatientExport.ndjson.gz': '{"id":"x"}',
      // The loader's own records are no data to be loaded.
      'LoaderFile.ndjson': '{"id":"x"}',
    });
    const { body } = await server.startLoad(bucket);
    assert.match(JSON.stringify(body.result), /5 new files added\. 5 files ignored for their names\./);
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 5, done: 5 } });
    assert.deepEqual(
      await server.sql(
        `select resource ->> 'file' as file, resource ->> 'type' as type from loaderfile order by resource ->> 'file'`,
      ),
      [
        { file: 'MEDIA.ndjson', type: 'Media' },
        { file: 'citation-1.ndjson', type: 'Citation' },
        { file: 'deviceAssociation.ndjson', type: 'DeviceAssociation' },
        { file: 'fhir/1/Patient.ndjson.gz', type: 'Patient' },
        { file: 'fhir/1/patient-01.ndjson.gz', type: 'Patient' },
      ],
    );
    assert.deepEqual(await server.sql('select id from patient order by id'), [{ id: '1' }, { id: '2' }]);
    assert.deepEqual(await server.sql('select id, resource_type from deviceassociation'), [
      { id: 'r5', resource_type: 'DeviceAssociation' },
    ]);
  });

  const server = startTestServer({ after }, { env: { LOADER_RESOURCE_TYPES: '*' } });
  const customTable = (name: string, resourceType: string) =>
    `create table ${name} (id text primary key, txid bigint not null, ts timestamptz default current_timestamp,
       cts timestamptz default current_timestamp, resource_type text ${resourceType},
       status resource_status not null, resource jsonb not null)`;

  test('a table of Aidbox’s shape makes its name a known type, spelled as its rows spell it', async () => {
    const { sql, bucketOf, load, loaderFile } = await server;
    await sql(customTable('pizzaorder', ''));
    await sql(`insert into pizzaorder (id, txid, resource_type, status, resource)
               values ('first', 1, 'PizzaOrder', 'created', '{}')`);
    const bucket = await bucketOf({
      'pizzaOrder-1.ndjson': [{ resourceType: 'PizzaOrder', id: 'second' }],
      'OrderOfPizza.ndjson': [{ id: 'x' }],
    });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal((await loaderFile(bucket, 'pizzaOrder-1.ndjson')).type, 'PizzaOrder');
    assert.deepEqual(await sql('select id, resource_type from pizzaorder order by id'), [
      { id: 'first', resource_type: 'PizzaOrder' },
      { id: 'second', resource_type: 'PizzaOrder' },
    ]);
  });

  test('while the table is empty, spelled as its column’s default says', async () => {
    const { sql, bucketOf, load } = await server;
    await sql(customTable('soupbowl', `default 'SoupBowl'`));
    const bucket = await bucketOf({ 'soupbowl.ndjson': [{ resourceType: 'SoupBowl', id: '1' }] });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await sql('select id, resource_type from soupbowl'), [{ id: '1', resource_type: 'SoupBowl' }]);
  });

  test('a type’s name may have digits and underscores', async () => {
    const { sql, bucketOf, load } = await server;
    await sql(customTable('icd10_code', `default 'Icd10_Code'`));
    const bucket = await bucketOf({ 'icd10_code-1.ndjson': [{ resourceType: 'icd10_code', id: '1' }] });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await sql('select id from icd10_code'), [{ id: '1' }]);
  });

  test('a table of another shape, and a history twin, are no types', async () => {
    const { sql, bucketOf, load } = await server;
    await sql('create table invoices (id text primary key, resource jsonb)');
    const bucket = await bucketOf({
      'Invoices.ndjson': [{ id: '1' }],
      'Patient_history.ndjson': [{ id: '1' }],
      'loaderfile_history.ndjson': [{ id: '1' }],
    });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await sql('select count(*)::int as n from patient'), [{ n: 1 }]);
  });
});
