import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseThread } from '../../src/worker/choose-thread.ts';

const FILE = { most: 2, isBatch: false };

const threads = (...filesInHand: number[]) =>
  filesInHand.map((currentUsage) => ({ currentUsage, terminating: false, destroyed: false }));

test('files gather on the threads there are, the least busy first, until each has four', () => {
  assert.equal(chooseThread([], FILE), null);
  const [one, two] = threads(3, 2);
  assert.ok(one !== undefined && two !== undefined);
  assert.equal(chooseThread([one], FILE), one);
  assert.equal(chooseThread([one, two], FILE), two);
  assert.equal(chooseThread(threads(4), FILE), null);
});

test('with as many threads as there may be, the least busy takes any number of files', () => {
  const all = threads(9, 8);
  assert.equal(chooseThread(all, FILE), all[1]);
});

test('a thread that ends takes none', () => {
  const [dead, alive] = threads(0, 1);
  assert.ok(dead !== undefined && alive !== undefined);
  assert.equal(chooseThread([{ ...dead, terminating: true }, alive], FILE), alive);
  assert.equal(chooseThread([{ ...dead, destroyed: true }], FILE), null);
});

test('small files keep a thread busier: with cores to spare, two batches bring another one', () => {
  const batch = { most: 4, isBatch: true };
  const [one] = threads(1);
  assert.ok(one !== undefined);
  assert.equal(chooseThread([one], batch), one);
  assert.equal(chooseThread(threads(2), batch), null);
  // A file is content with a thread that has two; and so is a batch on two or three cores.
  for (const other of [
    { most: 4, isBatch: false },
    { most: 3, isBatch: true },
  ]) {
    const [busy] = threads(2);
    assert.ok(busy !== undefined);
    assert.equal(chooseThread([busy], other), busy);
  }
});
