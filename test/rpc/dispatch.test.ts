import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createDetachedApp } from '../support/detached-app.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase } from '../support/test-database.ts';

const log: { msg?: string; code?: string }[] = [];
const parts = lastFirst({ after });
const { connection } = await createMigratedDatabase(parts);
const app = await createDetachedApp(parts, {}, { address: connection, logged: log });

test('what others refuse of a request of a batch is logged by its code, whatever becomes of the rest', async () => {
  const account = {
    host: 'http://127.0.0.1:1',
    region: 'us-east-1',
    'access-key-id': 'id',
    'secret-access-key': 'hidden',
  };
  const refused = { method: 'aidbox.bulk/load-from-bucket', params: { bucket: 's3://bucket', account } };
  const answer = await app.inject({ method: 'POST', url: '/rpc', payload: [refused, { method: 'unknown' }] });
  assert.equal(answer.statusCode, 200);
  const told = log.filter(({ msg }) => msg !== 'request').map(({ msg, code }) => [msg, code]);
  assert.deepEqual(told, [['request refused', 'PrivateHost']]);
});
