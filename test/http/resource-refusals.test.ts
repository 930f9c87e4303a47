import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createDetachedApp } from '../support/detached-app.ts';

const app = await createDetachedApp({ after }, { LOADER_RESOURCE_TYPES: 'PizzaOrder' });

describe('an id that no row can have', () => {
  for (const path of ['/LoaderFile', '/fhir/DisabledIndex', '/LoaderError'])
    test(`is found nowhere, and nothing of it is left to delete: ${path}`, async () => {
      const found = await app.inject(`${path}/a%00b`);
      assert.equal(found.statusCode, 404);
      assert.match(found.json().error.message, /^No \w+ has this id\.$/);
      const deleted = await app.inject({ method: 'DELETE', url: `${path}/%00` });
      assert.deepEqual([deleted.statusCode, deleted.payload], [204, '']);
    });

  test('is refused in the form of every error when it is longer than any, or no UTF-8', async () => {
    const long = await app.inject(`/LoaderFile/${'x'.repeat(1_001)}`);
    assert.equal(long.statusCode, 404);
    assert.deepEqual(long.json(), { error: { message: 'Nothing has an id of more than 1000 characters.' } });
    for (const id of ['%ED%A0%80', '%zz']) {
      const malformed = await app.inject(`/LoaderFile/${id}`);
      assert.equal(malformed.statusCode, 400);
      assert.deepEqual(malformed.json(), { error: { message: 'The path is not valid percent-encoded UTF-8.' } });
    }
  });
});

describe('a query that is not percent-encoded UTF-8', () => {
  for (const query of ['file=%FF', 'file=%ED%A0%80', 'file=100%', 'file=%zz', '_id=%C0%80', '%FF=a'])
    test(`is refused, and does not look for what it is written as: ${query}`, async () => {
      for (const method of ['GET', 'DELETE'] as const) {
        const answer = await app.inject({ method, url: `/LoaderFile?${query}` });
        assert.equal(answer.statusCode, 400);
        assert.deepEqual(answer.json(), { error: { message: 'The query is not valid percent-encoded UTF-8.' } });
      }
    });

  test('where it is, the database is asked', async () => {
    assert.equal((await app.inject('/LoaderFile?file=100%25+%C3%A9')).statusCode, 503);
  });
});

describe('a search that could only find nothing', () => {
  for (const [query, path, message] of [
    ['type=patient', 'type', 'must be written Patient'],
    ['.type=PATIENT', '.type', 'must be written Patient'],
    ['type=Patient,pizzaorder', 'type', 'must be written PizzaOrder'],
    ['type=Patiens', 'type', 'must be a resource type of FHIR, or one that LOADER_RESOURCE_TYPES names'],
    ['type=constructor', 'type', 'must be a resource type of FHIR, or one that LOADER_RESOURCE_TYPES names'],
    ['bucket=hospital', 'bucket', 'must be written as in the call: s3://hospital'],
    ['bucket=a/b', 'bucket', 'must be written as in the call: s3://<bucket-name> or file:///<folder>'],
    ['bucket=s3://', 'bucket', 'must be written as in the call: s3://<bucket-name> or file:///<folder>'],
  ] as const)
    test(`is refused, as a deletion too: ${query}`, async () => {
      for (const method of ['GET', 'DELETE'] as const) {
        const answer = await app.inject({ method, url: `/LoaderFile?${query}` });
        assert.equal(answer.statusCode, 422);
        assert.deepEqual(answer.json().error.errors, [{ message, path, type: 'invalid_value' }]);
      }
    });

  // The database, which is not there, is asked only for what is understood.
  for (const query of ['type=Patient', 'type=PizzaOrder', 'type=User', 'bucket=s3://hospital', 'bucket=local'])
    test(`is not: ${query}`, async () => {
      assert.equal((await app.inject(`/LoaderFile?${query}`)).statusCode, 503);
    });
});
