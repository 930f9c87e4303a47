import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from '../../src/pipeline/line-splitter.ts';
import { cutAt } from './cut-at.ts';

const TOO_LONG = '<too long>';
const MARK = Buffer.from('\ufeff');

interface SplitLine {
  text: string;
  /** Of the text's first byte in the file. */
  offset: number;
}

function splitLines(chunks: readonly Buffer[], maxLineBytes: number): SplitLine[] {
  const lines: SplitLine[] = [];
  let attached = Buffer.alloc(0);
  let attachedAt = 0;
  const splitter = new LineSplitter(
    {
      attach: (buffer, offset) => {
        attached = Buffer.from(buffer);
        attachedAt = offset;
      },
      line: (start, end) => lines.push({ text: attached.toString('utf8', start, end), offset: attachedAt + start }),
      lineTooLong: (head, offset) => lines.push({ text: `${TOO_LONG}${head.toString('latin1')}`, offset }),
    },
    maxLineBytes,
  );
  for (const chunk of chunks) {
    const passing = Buffer.from(chunk);
    splitter.push(passing);
    // Its owner may use the memory again at once.
    passing.fill(0);
  }
  splitter.end();
  return lines;
}

function split(chunks: readonly Buffer[], maxLineBytes = 1000): string[] {
  return splitLines(chunks, maxLineBytes).map(({ text }) => (text.startsWith(TOO_LONG) ? TOO_LONG : text));
}

test('Lines end at line feeds, and the last one needs none', () => {
  assert.deepEqual(split([Buffer.from('a\nbc\n\nd')]), ['a', 'bc', '', 'd']);
  assert.deepEqual(split([Buffer.from('a\n')]), ['a']);
  assert.deepEqual(split([]), []);
  assert.deepEqual(split([Buffer.alloc(0), Buffer.from('\n'), Buffer.alloc(0)]), ['']);
});

test('A byte order mark is skipped before any line, once', () => {
  assert.deepEqual(split([Buffer.from('\ufeffa\n\ufeffb\n\ufeff\ufeffc\nd\ufeff')]), ['a', 'b', '\ufeffc', 'd\ufeff']);
  assert.deepEqual(split([Buffer.from('\ufeff')]), ['']);
  assert.deepEqual(split([Buffer.from([0xef, 0xbb, 0x0a, 0xef])]), ['\ufffd', '\ufffd']);
});

test('A line of exactly the limit passes and a longer one is reported once, in its place', () => {
  // By little, and by so much that its bytes are not kept until its end.
  for (const long of [6, 20]) {
    const text = `${'a'.repeat(5)}\n${'b'.repeat(long)}\nc\n${'d'.repeat(long)}`;
    for (let at = 0; at <= text.length; at++)
      assert.deepEqual(split(cutAt(Buffer.from(text), [at]), 5), ['aaaaa', TOO_LONG, 'c', TOO_LONG]);
  }
});

test('The byte order mark does not count towards the limit, wherever the chunks are cut', () => {
  const bytes = Buffer.from('\ufeffaaaaa\n');
  for (let at = 0; at <= bytes.length; at++) assert.deepEqual(split(cutAt(bytes, [at]), 5), ['aaaaa']);
});

test('The cuts between chunks make no difference', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r', '\ufeff', 'bbbb'), maxLength: 30 });
  fc.assert(
    fc.property(
      text,
      fc.array(fc.nat(90), { maxLength: 8 }),
      fc.integer({ min: 1, max: 12 }),
      (ndjson, cuts, limit) => {
        const bytes = Buffer.from(ndjson);
        assert.deepEqual(split(cutAt(bytes, cuts), limit), split([bytes], limit));
      },
    ),
  );
});

test('Every line is told with its offset in the file, and one that is too long with its beginning, wherever the cuts are', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\ufeff', 'b'.repeat(700)), maxLength: 30 });
  fc.assert(
    fc.property(
      text,
      fc.array(fc.nat(9_000), { maxLength: 8 }),
      fc.integer({ min: 1_024, max: 3_000 }),
      (ndjson, cuts, limit) => {
        const bytes = Buffer.from(ndjson);
        for (const { text, offset } of splitLines(cutAt(bytes, cuts), limit)) {
          const feed = bytes.indexOf('\n', offset);
          const line = bytes.subarray(offset, feed === -1 ? bytes.length : feed);
          if (!text.startsWith(TOO_LONG)) assert.equal(text, line.toString());
          else assert.equal(text.slice(TOO_LONG.length), line.subarray(0, 1024).toString('latin1'));
          assert.ok(offset === 0 || bytes[offset - 1] === 0x0a || bytes.subarray(offset - 3, offset).equals(MARK));
        }
      },
    ),
  );
});
