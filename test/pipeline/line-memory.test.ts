import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createLineMemory, LineMemory } from '../../src/pipeline/line-memory.ts';

const MB = 1024 * 1024;

/** How many files wait for memory. It wakes them: they find none, and wait on. */
function waitersOf(shared: SharedArrayBuffer): number {
  const places = new Int32Array(shared);
  return places.reduce((sum, _, place) => sum + Atomics.notify(places, place), 0);
}

describe('the memory that the long lines of all files share', () => {
  const { signal } = new AbortController();

  // A worker always has a port that keeps it alive. Of itself the wait keeps only Node 24 alive, not 22.
  const alive = setInterval(() => {}, 60_000);
  after(() => clearInterval(alive));

  test('lines up to 1 MiB are not counted', async () => {
    const shared = createLineMemory(4 * MB, 4 * MB);
    const files = Array.from({ length: 100 }, () => new LineMemory(shared, signal));
    for (const file of files) await file.hold(MB);
  });

  test('what is there is shared out; then one line at a time goes on to its end, the others wait', async () => {
    const shared = createLineMemory(12 * MB, 8 * MB);
    const [a, b, c] = [0, 1, 2].map(() => new LineMemory(shared, signal)) as [LineMemory, LineMemory, LineMemory];
    await a.hold(2 * MB);
    await b.hold(2 * MB);
    // Nothing is left: the first who asks has the reserve, however long its line gets.
    await a.hold(3 * MB);
    await a.hold(8 * MB);
    const waiting = b.hold(3 * MB);
    const other = c.hold(5 * MB);
    assert.equal(waitersOf(shared), 2);
    // The line of a has ended.
    await a.hold(0);
    await waiting;
    await b.hold(0);
    await other;
    c.release();
    const last = new LineMemory(shared, signal);
    await last.hold(4 * MB);
    await last.hold(8 * MB);
  });

  test('a stop ends the wait, and what was held is free again', async () => {
    const shared = createLineMemory(2 * MB, 2 * MB);
    const holder = new LineMemory(shared, signal);
    await holder.hold(2 * MB);
    const abort = new AbortController();
    const stopped = new LineMemory(shared, abort.signal);
    const waiting = stopped.hold(2 * MB);
    abort.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
    stopped.release();
    holder.release();
    await new LineMemory(shared, signal).hold(2 * MB);
  });

  test('who waits too long gives the file back to the queue', async () => {
    const shared = createLineMemory(2 * MB, 2 * MB);
    await new LineMemory(shared, signal).hold(2 * MB);
    await assert.rejects(new LineMemory(shared, signal, 50).hold(2 * MB), {
      name: 'LineMemoryError',
      code: 'line-memory',
      transient: true,
      message: /LOADER_LINE_MEMORY_BYTES/,
    });
  });
});
