import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseThread } from '../../src/worker/choose-thread.ts';

const threads = (...filesInHand: number[]) =>
  filesInHand.map((currentUsage) => ({ currentUsage, terminating: false, destroyed: false }));

test('files gather on the threads there are, the least busy first, until each has four', () => {
  assert.equal(chooseThread([], 2), null);
  const [one, two] = threads(3, 2);
  assert.ok(one !== undefined && two !== undefined);
  assert.equal(chooseThread([one], 2), one);
  assert.equal(chooseThread([one, two], 2), two);
  assert.equal(chooseThread(threads(4), 2), null);
});

test('with as many threads as there may be, the least busy takes any number of files', () => {
  const all = threads(9, 8);
  assert.equal(chooseThread(all, 2), all[1]);
});

test('a thread that ends takes none', () => {
  const [dead, alive] = threads(0, 1);
  assert.ok(dead !== undefined && alive !== undefined);
  assert.equal(chooseThread([{ ...dead, terminating: true }, alive], 2), alive);
  assert.equal(chooseThread([{ ...dead, destroyed: true }], 2), null);
});
