import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedParams } from '../../src/rpc/recorded-params.ts';

const CALL = { bucket: 's3://bucket', 'connect-timeout': 0, 'read-timeout': 0 };

test('of a call’s prefixes twenty are kept, and how many more there were', () => {
  const prefixes = Array.from({ length: 25 }, (_, n) => `folder-${n}/`);
  const kept = recordedParams({ ...CALL, prefixes });
  assert.deepEqual([kept['prefixes'], kept['more-prefixes']], [prefixes.slice(0, 20), 5]);
  assert.deepEqual(recordedParams({ ...CALL, prefixes: prefixes.slice(0, 20) }), {
    ...CALL,
    prefixes: prefixes.slice(0, 20),
  });
});

test('of its account what is no secret', () => {
  const secrets = { 'access-key-id': 'KEY', 'secret-access-key': 'SECRET', 'session-token': 'TOKEN' };
  const account = { ...secrets, region: 'eu-west-1', host: 'http://store:9000', 'path-style?': false };
  assert.deepEqual(recordedParams({ ...CALL, account, prefixes: [] }), {
    ...CALL,
    account: { region: 'eu-west-1', host: 'http://store:9000', 'path-style?': false },
  });
});
