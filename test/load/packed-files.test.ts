import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PackedFiles } from '../../src/load/packed-files.ts';
import type { QueuedFile } from '../../src/store/loader-file/queue.ts';
import { waitFor } from '../support/wait-for.ts';

const file = (n: number, change: Partial<QueuedFile> = {}): QueuedFile => ({
  id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  key: `export/Type${n % 3}-${n}.ndjson.gz`,
  type: `Type${n % 3}`,
  size: n,
  etag: `${n}`.padStart(32, '0'),
  lastModified: '2026-11-27T05:00:00.000Z',
  ...change,
});
const files = (count: number) => Array.from({ length: count }, (_, n) => file(n));

describe('PackedFiles', () => {
  test('any part of them comes as it was packed, in order', () => {
    const all = files(1000);
    const packed = new PackedFiles(all);
    assert.equal(packed.length, 1000);
    for (const [from, to] of [
      [0, 1000],
      [0, 1],
      [255, 257],
      [256, 512],
      [999, 2000],
      [700, 300],
      [1000, 1001],
    ] as const) {
      assert.deepEqual(packed.slice(from, to), all.slice(from, to), `${from} to ${to}`);
    }
  });

  test('keys, ids and etags of others come as they are', () => {
    const odd = [
      file(1, { id: 'of another program', key: 'a "b"\n\u0001/é/😀/\ud800', etag: null, lastModified: '', size: 0 }),
      file(2, { type: '', etag: '', size: 2 ** 45 + 1, lastModified: 'yesterday' }),
    ];
    assert.deepEqual(new PackedFiles(odd).slice(0, 2), odd);
  });

  test('sizes and types are told of what is left', () => {
    const packed = new PackedFiles([file(3), file(1), file(4), file(7)]);
    assert.deepEqual(
      [0, 1, 3, 4].map((place) => packed.bytesFrom(place)),
      [15, 12, 7, 0],
    );
    assert.deepEqual(
      [0, 1, 3, 4].map((place) => packed.includesType('Type1', place)),
      [true, true, true, false],
    );
    assert.deepEqual([packed.includesType('Type0', 0), packed.includesType('Type0', 1)], [true, false]);
    assert.ok(!packed.includesType('Type2', 0));
  });

  test('100,000 waiting files take less than 10 MB', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    assert.ok(typeof collect === 'function');
    const inUse = () => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = inUse();
    const pack = () => new PackedFiles(files(100_000));
    const packed = pack();
    // What a collection frees of array buffers is counted once V8 has swept it, in the background.
    await waitFor(() => inUse() - before < 10_000_000, { what: 'less than 10 MB' });
    assert.equal(packed.length, 100_000);
  });
});
