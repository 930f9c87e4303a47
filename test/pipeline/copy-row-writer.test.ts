import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { type ConstantField, CopyRowWriter } from '../../src/pipeline/copy-row-writer.ts';
import { putBytes } from '../../src/pipeline/put-bytes.ts';
import { readCopyBinary } from './read-copy-binary.ts';

function write(lines: readonly string[], chunkBytes: number, constants: readonly ConstantField[] = []): Buffer[] {
  const chunks: Buffer[] = [];
  const writer = new CopyRowWriter({ constants }, new CopyBuffers(chunkBytes), (chunk) => chunks.push(chunk));
  for (const line of lines) {
    const bytes = Buffer.from(line);
    writer.row({
      idBytes: Buffer.from('[x]'),
      idStart: 1,
      idEnd: 2,
      jsonBytes: bytes.length,
      writeJson: (out, at) => putBytes(out, at, bytes, 0, bytes.length),
    });
  }
  writer.end();
  return chunks;
}

test('No rows are a header and a trailer', () => {
  assert.deepEqual(readCopyBinary(Buffer.concat(write([], 64))), []);
});

test('A row is the constants, the id and the JSON text behind jsonb’s version', () => {
  const constants: ConstantField[] = [
    { kind: 'int8', value: -2n },
    { kind: 'text', value: 'é' },
  ];
  const [row] = readCopyBinary(Buffer.concat(write(['0123456789'], 64, constants)));
  assert.equal(row?.[0]?.readBigInt64BE(), -2n);
  assert.deepEqual(row?.slice(1).map(String), ['é', 'x', '\u00010123456789']);
});

test('Rows shorter and longer than a chunk, and than a short copy, arrive whole', () => {
  const lines = [1, 10, 63, 64, 65, 100, 127, 128, 300, 2, 1000].map((length) => 'é'.repeat(length));
  const chunks = write(lines, 128);
  const texts = readCopyBinary(Buffer.concat(chunks)).map((row) => row[1]?.toString('utf8', 1));
  assert.deepEqual(texts, lines);
  for (const chunk of chunks) assert.ok(chunk.length > 0);
});

test('Lengths of more than 64 KiB are written in four bytes', () => {
  const line = `0123${'x'.repeat(20_000_000)}`;
  const [row] = readCopyBinary(Buffer.concat(write([line], 128)));
  assert.equal(row?.[1]?.length, line.length + 1);
});
