import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadRequestOf } from '../../src/rpc/load-request-of.ts';
import { readWatchParams, storedParams, watchParams } from '../../src/rpc/watch-params.ts';

const SERVER = { format: 'as-is', fhirVersion: 'r5', convertExtensions: false } as const;
const given = watchParams.parse({
  bucket: 's3://bucket',
  every: '15m',
  prefixes: ['a/'],
  'upsert?': true,
  'new-keys-last?': true,
  account: { 'access-key-id': 'KEY', 'secret-access-key': 'SECRET', 'session-token': 'TOKEN', region: 'eu-west-1' },
});

test('a watch is stored without its account, of which no word stands anywhere in it', () => {
  const text = JSON.stringify(storedParams(given, loadRequestOf(given, SERVER)));
  assert.doesNotMatch(text, /account|KEY|SECRET|TOKEN/);
});

test('a watch that is read means what it meant when it was stored, whatever the server’s settings are by then', () => {
  const request = loadRequestOf(given, SERVER);
  const stored: Record<string, unknown> = JSON.parse(JSON.stringify(storedParams(given, request)));
  const read = readWatchParams(stored, { format: 'fhir', fhirVersion: 'r4', convertExtensions: false });
  assert.deepEqual(read.request, {
    ...request,
    source: loadRequestOf({ ...given, account: undefined }, SERVER).source,
  });
  assert.equal(read.newKeysLast, true);
});
