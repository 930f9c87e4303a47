import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LastFirst } from './last-first.ts';

test('parts end last first, all of them though one fails, and each once', async () => {
  const parts = new LastFirst();
  const ended: string[] = [];
  parts.after(() => void ended.push('database'));
  parts.after(async () => {
    ended.push('server');
    throw new Error('it hung');
  });
  parts.after(async () => void ended.push('client'));
  await assert.rejects(parts.close(), /it hung/);
  assert.deepEqual(ended, ['client', 'server', 'database']);
  await parts.close();
  assert.equal(ended.length, 3);
});
