import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const convert = (params: object) => server.rpc('fhir-bucket-loader/convert', params);

const fhir = { resourceType: 'Observation', id: 'o', subject: { reference: 'Patient/1' }, valueString: 'x' };
const aidbox = {
  resourceType: 'Observation',
  id: 'o',
  subject: { resourceType: 'Patient', id: '1' },
  value: { string: 'x' },
};

test('a resource is converted both ways', async () => {
  assert.deepEqual((await convert({ resource: fhir })).body.result, { resource: aidbox });
  assert.deepEqual((await convert({ resource: aidbox, to: 'fhir' })).body.result, { resource: fhir });
});

test('what a load could not store is refused with path and code', async () => {
  const { status, body } = await convert({ resource: { ...fhir, value: { string: 'y' } } });
  assert.equal(status, 422);
  assert.equal(body.error?.code, 'two-forms');
  assert.match(body.error?.message ?? '', /^id "o", Observation\.value: "valueString" and "value" are two forms/);
});

test('fhir-version counts', async () => {
  const resource = {
    resourceType: 'MedicationRequest',
    id: 'm',
    medication: { reference: { reference: 'Medication/1' } },
  };
  assert.deepEqual((await convert({ resource })).body.result, { resource });
  assert.deepEqual((await convert({ resource, 'fhir-version': 'r5' })).body.result, {
    resource: { ...resource, medication: { reference: { resourceType: 'Medication', id: '1' } } },
  });
});

test('shows numbers as JavaScript reads them, as is documented', async () => {
  const answer = await fetch(`${server.url}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"method":"fhir-bucket-loader/convert","params":{"resource":{"resourceType":"Basic","id":"b","x":1.00,"y":1e400}}}',
  });
  assert.match(await answer.text(), /"x":1,"y":null/);
});
