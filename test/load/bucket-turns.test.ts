import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BucketTurns } from '../../src/load/bucket-turns.ts';

test('calls of a bucket have their turns one after another, whatever becomes of those before; other buckets do not wait', async () => {
  const turns = new BucketTurns();
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const [failing, second, late, last] = [
    turns.take('a', 0, async () => {
      order.push('begun');
      await first.promise;
      order.push('failed');
      throw new Error('refused');
    }),
    turns.take('a', 0, async () => order.push('second')),
    turns.take('a', 1, async () => order.push('late')),
    turns.take('a', 0, async () => order.push('last')),
  ] as const;
  await turns.take('b', 0, async () => order.push('other'));
  await assert.rejects(late, { kind: 'busy', message: /<a>/ });
  assert.deepEqual(order, ['begun', 'other']);
  first.resolve();
  await assert.rejects(failing, /refused/);
  await Promise.all([second, last]);
  assert.deepEqual(order, ['begun', 'other', 'failed', 'second', 'last']);
});
