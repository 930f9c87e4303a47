import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { PackedFiles } from '../../../src/store/loader-file/packed-files.ts';
import type { QueuedFile } from '../../../src/store/loader-file/queue.ts';

/** What a file of the queue says, as an object of its own. */
const plain = ({ id, key, type, size, etag, lastModified }: QueuedFile): QueuedFile => ({
  id,
  key,
  type,
  size,
  etag,
  lastModified,
});

/** As Postgres gives it. */
const add = (to: PackedFiles, { id, key, type, size, etag, lastModified }: QueuedFile) =>
  to.add(type, size, JSON.stringify([key, id, etag, lastModified]).replaceAll('","', '", "'));

const packed = (files: readonly QueuedFile[]) => {
  const collected = new PackedFiles();
  for (const file of files) add(collected, file);
  return collected.all();
};

const fileOf = (n: number): QueuedFile => ({
  id: `0d3f1c2a-77aa-8${n % 900}-8abc-${String(n).padStart(12, '0')}`,
  key: `export/2026-11-27/Observation-${n}.ndjson.gz`,
  type: 'Observation',
  size: 4000 + n,
  etag: `"${String(n).padStart(32, 'e')}"`,
  lastModified: '2026-11-27T16:00:00.000Z',
});

test('files keep their order, and say of themselves what they did, whatever their keys are', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '"', '\\', 'a\\"', '\\\\', 'ä/💉', '", "', 'a\nb'),
  );
  const file = fc.record({
    id: text,
    key: text,
    type: fc.constantFrom('Patient', 'Observation', ''),
    size: fc.oneof(fc.nat(), fc.constantFrom(2 ** 40, 0, Number.NaN)),
    etag: fc.option(text),
    lastModified: text,
  });
  fc.assert(
    fc.property(fc.array(file, { maxLength: 30 }), (files) => {
      assert.deepEqual(packed(files).map(plain), files.map(plain));
    }),
  );
  const many = Array.from({ length: 1001 }, (_, n) => fileOf(n));
  assert.deepEqual(packed(many).map(plain), many);
});

test('a file that waits takes less memory than its texts would by themselves', () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const used = () => {
    gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const count = 50_000;
  const collected = new PackedFiles();
  const before = used();
  // As they come from Postgres: each text is a new one.
  for (let n = 0; n < count; n++) add(collected, fileOf(n));
  const files = collected.all();
  const bytes = (used() - before) / count;
  const own = files.map((file) => JSON.parse(JSON.stringify(plain(file))));
  const ownBytes = (used() - before) / count - bytes;
  assert.ok(bytes < ownBytes * 0.8, `${bytes} bytes, ${ownBytes} by themselves`);
  assert.equal(own.length, files.length);
});
