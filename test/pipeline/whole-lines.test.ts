import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { wholeLines } from '../../src/pipeline/whole-lines.ts';

const texts = fc.array(
  fc.oneof(fc.string({ maxLength: 40 }), fc.constant(''), fc.string({ minLength: 60, maxLength: 90 })),
);

test('runs of whole lines tell every line by its number and offset, however the stream is cut', async () => {
  const cases = fc.tuple(texts, fc.boolean(), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 200 }));
  await fc.assert(
    fc.asyncProperty(cases, async ([parts, lastFeed, chunkBytes, runBytes]) => {
      const lines = parts.map((part) => part.replaceAll('\n', ' '));
      const file = Buffer.from(lines.join('\n') + (lastFeed && lines.length > 0 ? '\n' : ''));
      const seen: { line: number; offset: number; text: string }[] = [];
      for await (const run of wholeLines(chunksOf(file, chunkBytes), runBytes, 1_000)) {
        assert.equal(run.tooLong, false);
        assert.deepEqual(run.bytes, file.subarray(run.offset, run.offset + run.bytes.length));
        let offset = run.offset;
        const texts = run.bytes.toString().split('\n');
        if (texts.at(-1) === '') texts.pop();
        for (const [index, text] of texts.entries()) {
          seen.push({ line: run.firstLine + index, offset, text });
          offset += Buffer.byteLength(text) + 1;
        }
      }
      const expected = file.toString().split('\n');
      if (expected.at(-1) === '') expected.pop();
      assert.deepEqual(
        seen.map(({ text }) => text),
        expected,
      );
      assert.deepEqual(
        seen.map(({ line }) => line),
        expected.map((_text, index) => index + 1),
      );
    }),
  );
});

test('a line over the limit is a run of its own, of which only the head is kept, and its successors keep their places', async () => {
  const long = 'x'.repeat(5_000);
  const file = Buffer.from(`one\n${long}\nthree\n${long}`);
  const runs = [];
  for await (const run of wholeLines(chunksOf(file, 100), 1, 2_000)) runs.push(run);
  assert.deepEqual(
    runs.map(({ firstLine, offset, tooLong, bytes }) => [firstLine, offset, tooLong, bytes.length]),
    [
      [1, 0, false, 4],
      [2, 4, true, 1024],
      [3, 5_005, false, 6],
      [4, 5_011, true, 1024],
    ],
  );
});

async function* chunksOf(file: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += bytes) yield file.subarray(at, at + bytes);
}
