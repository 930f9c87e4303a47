import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { FileList } from '../../../src/store/loader-file/file-list.ts';
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

const fileOf = (n: number): QueuedFile => ({
  id: `0d3f1c2a-77aa-8${String(n % 900).padStart(3, '0')}-8abc-${String(n).padStart(12, '0')}`,
  key: `export/2026-11-27/Observation-${n}.ndjson.gz`,
  type: 'Observation',
  size: 4000 + n,
  etag: `"${String(n).padStart(32, 'e')}"`,
  lastModified: '2026-11-27T16:00:00.000Z',
});

/** Of what is kept in fewer bytes, what is and what only looks so; and what UTF-8, JSON or SQL would write in another way. */
const ODD = [
  '',
  '"',
  '\\',
  'ä/💉',
  'a\nb',
  'ab',
  'abc',
  'AB',
  '"ab"',
  '"abc"',
  '""',
  'f'.repeat(64),
  '0'.repeat(3000),
  'ä'.repeat(300_000),
  '0d3f1c2a-77aa-8123-8abc-0123456789ab',
  '0D3F1C2A-77AA-8123-8ABC-0123456789AB',
  '0d3f1c2a-77aa-8123-8abc0-123456789ab',
  '0d3f1c2a-77aa-8123-8abc-0123456789aä',
  '2026-11-27T16:00:00.000Z',
  '2026-02-30T16:00:00.000Z',
  '1969-01-01T00:00:00.001Z',
  '2026-11-27T16:00:00.0000',
  '2026-11-27T24:00:00.000Z',
  '+02026-11-27T16:00:00.000Z',
];

test('files keep their order, and say of themselves what they did, whatever their keys are', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...ODD));
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
      assert.deepEqual(Array.from(FileList.of(files), plain), files.map(plain));
    }),
  );
  const many = Array.from({ length: 5001 }, (_, n) => fileOf(n));
  assert.deepEqual(Array.from(FileList.of(many), plain), many);
});

function* fileUpTo(count: number): Generator<QueuedFile> {
  for (let n = 0; n < count; n++) yield fileOf(n);
}

test('a file that waits takes less memory than its texts would by themselves', async () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const used = async () => {
    let least = Number.POSITIVE_INFINITY;
    // Memory of buffers is given back some time after the collection that finds them unused.
    for (let last = 0; last !== least; ) {
      last = least;
      gc();
      await setImmediate();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      least = Math.min(least, heapUsed + arrayBuffers);
    }
    return least;
  };
  const count = 50_000;
  const before = await used();
  const files = FileList.of(fileUpTo(count));
  const bytes = ((await used()) - before) / count;
  const own = Array.from(files, (file) => JSON.parse(JSON.stringify(plain(file))));
  const ownBytes = ((await used()) - before) / count - bytes;
  assert.ok(bytes < 120, `${bytes} bytes`);
  assert.ok(bytes < ownBytes * 0.5, `${bytes} bytes, ${ownBytes} by themselves`);
  assert.equal(own.length, files.length);
});

test('keys of three bytes a character are kept whole, however long and however many', () => {
  const files = Array.from({ length: 2_500 }, (_, n) => ({
    id: `${n}`,
    key: `${n}${'漢'.repeat(n === 1_000 ? 8_000 : n === 2_000 ? 3_000 : 100)}`,
    type: n % 2 === 0 ? 'Patient' : 'Device',
    size: n,
    etag: null,
    lastModified: '',
  }));
  const list = FileList.of(files);
  assert.deepEqual(
    [...list].map(({ key }) => key),
    files.map(({ key }) => key),
  );
  assert.deepEqual([list.slice(1).typeAt(0), list.slice(2).typeAt(0)], ['Device', 'Patient']);
});
