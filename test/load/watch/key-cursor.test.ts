import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyCursor } from '../../../src/load/watch/key-cursor.ts';
import type { ObjectSource } from '../../../src/source/object-source.ts';

const { signal } = new AbortController();

/** Lists these keys, and notes after which it was asked to begin. */
function sourceOf(keys: readonly string[]) {
  const asked: (Record<string, string> | undefined)[] = [];
  const source: ObjectSource = {
    open() {
      throw new Error('nothing is read');
    },
    async *list(_prefixes, _signal, after) {
      asked.push(after === undefined ? undefined : Object.fromEntries(after));
      yield keys.map((key) => ({ key }));
    },
  };
  return { source, asked };
}

async function list(
  cursor: KeyCursor,
  keys: readonly string[],
  { commit, prefixes = [] as string[] } = { commit: true },
) {
  const { source, asked } = sourceOf(keys);
  const listing = cursor.begin();
  for await (const page of listing.follow(source).list(prefixes, signal)) assert.ok(page.length > 0);
  if (commit) listing.commit();
  return { asked: asked[0], isFull: listing.isFull, isLate: listing.isLate };
}

test('the first listing is whole, the next begins after the last key by prefix, in the order of bytes', async () => {
  const cursor = new KeyCursor();
  const prefixes = ['a/', 'b/'];
  // By UTF-16 the order of the last two would be the other way round.
  const first = await list(cursor, ['a/1', 'a/\uff5e', 'a/\u{1f600}', 'b/7'], { commit: true, prefixes });
  assert.deepEqual([first.isFull, first.asked], [true, undefined]);
  const second = await list(cursor, ['b/8'], { commit: true, prefixes });
  assert.deepEqual([second.isFull, second.asked], [false, { 'a/': 'a/\u{1f600}', 'b/': 'b/7' }]);
  const third = await list(cursor, ['b/9'], { commit: true, prefixes });
  assert.deepEqual(third.asked, { 'a/': 'a/\u{1f600}', 'b/': 'b/8' });
});

test('what was not queued is listed again', async () => {
  const cursor = new KeyCursor();
  await list(cursor, ['1']);
  await list(cursor, ['2'], { commit: false, prefixes: [] });
  assert.deepEqual((await list(cursor, ['2'])).asked, { '': '1' });
});

test('a whole listing knows which keys come late', async () => {
  const cursor = new KeyCursor();
  await list(cursor, ['1', '5']);
  cursor.expire();
  const { isFull, asked, isLate } = await list(cursor, ['1', '3', '5', '7']);
  assert.deepEqual([isFull, asked, isLate('3'), isLate('7')], [true, undefined, true, false]);
});
