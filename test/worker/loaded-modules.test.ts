import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('what a thread loads does not bring undici along, which nothing here uses', async () => {
  const worker = new URL('../../src/worker/file-worker.ts', import.meta.url).href;
  const program = `await import('${worker}'); console.log(process.moduleLoadList.filter((name) => /undici|node:http$|_http_client/.test(name)))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  assert.match(stdout, /_http_client/);
  assert.doesNotMatch(stdout, /undici/);
});
