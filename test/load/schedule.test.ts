import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type Scheduler, schedule } from '../../src/load/schedule.ts';
import { FileList } from '../../src/store/loader-file/file-list.ts';
import type { QueuedFile } from '../../src/store/loader-file/queue.ts';
import { lockWaitsOn } from '../support/lock-waits.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const file = (key: string, size: number, lastModified = ''): QueuedFile => ({
  id: key,
  key,
  type: key.split('-')[0] ?? '',
  size,
  lastModified,
  etag: null,
});
const keysOf = (files: Iterable<QueuedFile>) => Array.from(files, ({ key }) => key);
const scheduled = (files: readonly QueuedFile[], scheduler: Scheduler) => schedule(FileList.of(files), scheduler);

describe('schedule', () => {
  test('optimal: the largest first, whatever the types', () => {
    const files = [file('A-1', 1), file('A-2', 1000), file('B-1', 30), file('C-1', 100_000)];
    assert.deepEqual(keysOf(scheduled(files, 'optimal')), ['C-1', 'A-2', 'B-1', 'A-1']);
  });

  test('optimal: types in turn among files of about one size', () => {
    const files = [
      file('A-1', 100),
      file('A-2', 99),
      file('A-3', 98),
      file('B-1', 97),
      file('B-2', 96),
      file('C-1', 95),
      file('A-4', 10),
    ];
    assert.deepEqual(keysOf(scheduled(files, 'optimal')), ['A-1', 'B-1', 'C-1', 'A-2', 'B-2', 'A-3', 'A-4']);
  });

  test('optimal: ends where all files are empty, and with none', () => {
    assert.deepEqual(keysOf(scheduled([file('B-1', 0), file('A-1', 0)], 'optimal')), ['A-1', 'B-1']);
    assert.deepEqual(keysOf(scheduled([], 'optimal')), []);
  });

  test('by-last-modified: oldest first, ties by key', () => {
    const files = [
      file('A-2', 9, '2024-01-02T00:00:00.000Z'),
      file('B-1', 1, '2024-01-01T00:00:00.001Z'),
      file('A-1', 5, '2024-01-02T00:00:00.000Z'),
      file('C-1', 7, '2024-01-01T00:00:00.000Z'),
    ];
    assert.deepEqual(keysOf(scheduled(files, 'by-last-modified')), ['C-1', 'B-1', 'A-1', 'A-2']);
  });

  test('optimal: a bucket of many files of one size', () => {
    const files = Array.from({ length: 300_000 }, (_, n) => file(`A-${n}`, 100));
    assert.equal(scheduled(files, 'optimal').length, files.length);
  });

  test('leaves its input alone', () => {
    const files = FileList.of([file('A-1', 1), file('A-2', 2)]);
    schedule(files, 'optimal');
    assert.deepEqual(keysOf(files), ['A-1', 'A-2']);
  });
});

describe('the order of work, through the server', () => {
  const server = startTestServer({ after });

  /** Which file each row came from, in the order of their transactions. */
  const orderOf = async (table: string) => {
    const { sql } = await server;
    const rows = await sql<{ id: string }>(`select id from ${table} order by txid`);
    return rows.map(({ id }) => id);
  };

  test('by-last-modified with one thread is strictly that order', async () => {
    const { bucketOf, s3, load, sql } = await server;
    const bucket = await bucketOf({});
    // Neither the order of names nor that of sizes.
    const order = ['m', 'z', 'a', 'q', 'b', 'y', 'c'];
    for (const [n, letter] of order.entries()) {
      const key = `Patient-${letter}.ndjson`;
      await s3.putObject(bucket, key, `{"id":"${letter}","text":"${'x'.repeat((n * 37) % 100)}"}`);
    }
    // S3 keeps whole seconds, so those of one second are in the order of their names.
    await load(bucket, { scheduler: 'by-last-modified', 'thread-num': 1 });
    const files = await sql<{ key: string; modified: string; start: string; end: string }>(
      `select resource ->> 'file' as key, resource ->> 'last-modified' as modified,
              resource ->> 'start' as start, resource ->> 'end' as end from loaderfile`,
    );
    const expected = files.toSorted((a, b) => compare(a.modified, b.modified) || compare(a.key, b.key));
    assert.deepEqual(
      await orderOf('patient'),
      expected.map(({ key }) => key.charAt('Patient-'.length)),
    );
    // One at a time: each began when the one before had ended.
    for (const [n, { start }] of expected.entries()) assert.ok(start >= (expected[n - 1]?.end ?? ''));
    assert.equal(files.length, order.length);
  });

  test('last-modified decides, not the name: queued files whose times are set apart', async (t) => {
    const { bucketOf, gate, load, startLoad, ended, sql } = await server;
    await load(await bucketOf({ 'Encounter.ndjson': '', 'Goal.ndjson': '' }));
    const bucket = await bucketOf({
      'Encounter-a.ndjson': [{ id: 'a' }],
      'Encounter-b.ndjson': [{ id: 'b' }],
      'Encounter-c.ndjson': [{ id: 'c' }],
    });
    const { open, reached } = await gate(t, 'encounter');
    await startLoad(bucket, { scheduler: 'by-last-modified', 'thread-num': 1 });
    await reached();
    // As a listing of a store with finer clocks gives them; the files not yet begun are ordered anew by the next call.
    await sql(
      `update loaderfile set resource = resource || '{"last-modified": "2001-01-01T00:00:00.000Z"}'
        where resource ->> 'file' = 'Encounter-c.ndjson'`,
    );
    await startLoad(bucket, { scheduler: 'by-last-modified', 'thread-num': 1 });
    await open();
    await ended(bucket);
    assert.deepEqual(await orderOf('encounter'), ['a', 'c', 'b']);
  });

  test('optimal with one thread begins the largest file', async () => {
    const { bucketOf, load } = await server;
    const text = 'x'.repeat(1000);
    const bucket = await bucketOf({
      'Flag-1.ndjson': [{ id: 'small' }],
      'Flag-2.ndjson': [{ id: 'large', text: text.repeat(10) }],
      'Flag-3.ndjson': [{ id: 'middle', text }],
    });
    await load(bucket, { 'thread-num': 1 });
    assert.deepEqual(await orderOf('flag'), ['large', 'middle', 'small']);
  });

  test('thread-num files are in work at once, and no more', async (t) => {
    const { bucketOf, gate, load, startLoad, ended, loaderFile } = await server;
    await load(await bucketOf({ 'Slot.ndjson': '' }));
    const { open } = await gate(t, 'slot');
    const objects = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`Slot-${n}.ndjson`, [{ id: `s${n}` }]]));
    const bucket = await bucketOf(objects);
    await startLoad(bucket, { 'thread-num': 3, scheduler: 'by-last-modified' });
    const waiting = async () => {
      const { sql } = await server;
      return (await sql(lockWaitsOn('gate_of_slot'))).length;
    };
    await waitFor(async () => (await waiting()) === 3, { what: 'three files in work' });
    const statuses: string[] = [];
    for (const key of Object.keys(objects)) statuses.push((await loaderFile(bucket, key)).status);
    assert.deepEqual(statuses.toSorted(), ['in-progress', 'in-progress', 'in-progress', 'pending', 'pending']);
    await open();
    assert.deepEqual((await ended(bucket)).progress, { total: 5, done: 5 });
  });
});

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
