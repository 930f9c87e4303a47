import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const PARAMS = { 'upsert?': true, 'history?': true, 'apply-deletions?': true, 'resolve-references?': true };
const server = await startTestServer({ after });

const doctor = (id: string) => ({ id, identifier: [{ system: NPI, value: id }] });
const encounter = (id: string, npi: string) => ({
  id,
  participant: [{ individual: { reference: `Practitioner?identifier=${NPI}|${npi}` } }],
});
const bundle = (...urls: string[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
});
const individuals = async (...ids: string[]) =>
  (
    await server.sql<{ to: object }>(
      `select resource #> '{participant,0,individual}' as to from encounter where id = any ($1) order by id`,
      [ids],
    )
  ).map(({ to }) => to);
const to = (id: string) => ({ resourceType: 'Practitioner', id });
const open = (npi: string) => ({ uri: `Practitioner?identifier=${NPI}|${npi}` });
/** Files in the order in which they were begun. */
const orderOf = async (bucket: string) =>
  (
    await server.sql<{ file: string }>(
      `select resource ->> 'file' as file from loaderfile where resource ->> 'bucket' = $1 order by txid`,
      [`s3://${bucket}`],
    )
  ).map(({ file }) => file);

describe('apply-deletions? with resolve-references?', () => {
  test('deletions of a type that others refer to come last all the same, and are not waited for', async () => {
    const bucket = await server.bucketOf({
      'deleted/Organization.ndjson': [bundle('Organization/gone')],
      'deleted/Practitioner.ndjson': [bundle('Practitioner/d-1')],
      'Bundle.ndjson': [bundle('Encounter/e-2')],
      'Practitioner.ndjson': [doctor('d-1'), doctor('d-2')],
      'Encounter.ndjson': [encounter('e-1', 'd-1'), encounter('e-2', 'd-2'), encounter('e-3', 'd-2')],
    });
    const { state, progress } = await server.load(bucket, { ...PARAMS, 'thread-num': 1 });
    assert.deepEqual([state, progress], ['completed', { total: 5, done: 5 }]);
    const order = await orderOf(bucket);
    assert.deepEqual(order.slice(0, 2), ['Practitioner.ndjson', 'Encounter.ndjson']);
    // What a list of the same load deletes was there when the reference was resolved.
    assert.deepEqual(await individuals('e-1', 'e-3'), [to('d-1'), to('d-2')]);
    assert.deepEqual(
      await server.sql(`select id from practitioner union all select id from encounter where id = 'e-2' `),
      [{ id: 'd-2' }],
    );
    const { references, deleted, missing } = await server.loaderFile(bucket, 'deleted/Practitioner.ndjson');
    assert.deepEqual([references, deleted, missing], [undefined, 1, 0]);
  });

  test('the next night nothing refers to what was deleted, until it is there again', async () => {
    await server.load(await server.bucketOf({ 'Practitioner.ndjson': [doctor('n-1'), doctor('n-2')] }), PARAMS);
    await server.load(await server.bucketOf({ 'deleted/Practitioner.ndjson': [bundle('Practitioner/n-1')] }), PARAMS);
    const second = await server.bucketOf({
      'Encounter.ndjson': [encounter('n-e-1', 'n-1'), encounter('n-e-2', 'n-2')],
    });
    await server.load(second, PARAMS);
    assert.deepEqual(await individuals('n-e-1', 'n-e-2'), [open('n-1'), to('n-2')]);
    const third = await server.bucketOf({
      'Practitioner.ndjson': [doctor('n-1')],
      'Encounter.ndjson': [encounter('n-e-1', 'n-1'), encounter('n-e-2', 'n-2')],
    });
    await server.load(third, PARAMS);
    assert.deepEqual(await individuals('n-e-1', 'n-e-2'), [to('n-1'), to('n-2')]);
    const { created, updated, unchanged } = await server.loaderFile(third, 'Encounter.ndjson');
    assert.deepEqual([created, updated, unchanged], [0, 1, 1]);
    assert.deepEqual(await server.sql(`select status from practitioner where id = 'n-1'`), [{ status: 'recreated' }]);
  });
});
