import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzRpc } from '../fuzz/rpc-fuzz.ts';
import { startTestServer } from '../support/test-server.ts';

const SEED = 20261125;

test('1,500 random and mutated requests: each is answered, readably, and none with an internal error', async (t) => {
  const server = await startTestServer(t);
  const { findings } = await fuzzRpc(server.url, 1_500, SEED);
  assert.deepEqual(findings, []);
  assert.equal((await fetch(`${server.url}/health`)).status, 200);
});
