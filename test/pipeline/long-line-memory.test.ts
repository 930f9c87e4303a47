import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LinePieces } from '../../src/pipeline/line-pieces.ts';

const MB = 2 ** 20;
const LINE_MB = 100;

/** Encodes one long line in a worker thread, as a load does, and says what memory the process has: before, at most, after. */
const PROGRAM = `
  import { isMainThread, Worker } from 'node:worker_threads';
  import { CopyBuffers } from '${module('copy-buffers')}';
  import { IdentityTransform } from '${module('identity-transform')}';
  import { RowEncoder } from '${module('row-encoder')}';
  if (isMainThread) new Worker(new URL(import.meta.url));
  else {
    let written = 0;
    let peak = 0;
    const look = () => { peak = Math.max(peak, process.memoryUsage.rss()); };
    const emit = (chunk, reuse) => { written += chunk.length; look(); reuse(); };
    const options = { transform: new IdentityTransform('Patient'), constants: [], maxLineBytes: 1e9, buffers: new CopyBuffers(2 ** 18) };
    const encoder = new RowEncoder(options, [emit]);
    const piece = Buffer.alloc(2 ** 20, 'x');
    const before = process.memoryUsage.rss();
    encoder.write(Buffer.from('{"resourceType":"Patient","id":"x","data":"'));
    for (let n = 0; n < ${LINE_MB}; n++) { encoder.write(piece); look(); }
    encoder.write(Buffer.from('"}\\n{"id":"y"}\\n'));
    encoder.end();
    console.log(JSON.stringify({ rows: encoder.rows, written, before, peak, after: process.memoryUsage.rss() }));
  }`;

function module(name: string): string {
  return fileURLToPath(new URL(`../../src/pipeline/${name}.ts`, import.meta.url));
}

test('a long line takes little more than itself and its row, and its memory goes back to the system at once', async () => {
  const url = `data:text/javascript,${encodeURIComponent(PROGRAM.replaceAll("from '/", "from 'file:///"))}`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    `import('${url.replaceAll("'", '%27')}');`,
  ]);
  const { rows, written, before, peak, after } = JSON.parse(stdout) as Record<string, number> as {
    rows: number;
    written: number;
    before: number;
    peak: number;
    after: number;
  };
  assert.equal(rows, 2);
  assert.ok(written > LINE_MB * MB);
  assert.ok(peak - before < 2.5 * LINE_MB * MB, `${Math.round((peak - before) / MB)} MB at the peak`);
  assert.ok(after - before < 0.4 * LINE_MB * MB, `${Math.round((after - before) / MB)} MB stay`);
});

test('a long line is put together as it was, however it comes in pieces', () => {
  const line = Buffer.alloc(70 * MB);
  for (let at = 0; at < line.length; at += 4) line.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at);
  const pieces = new LinePieces();
  for (const sizes of [[1, 20_000, 3, 40 * MB, 16_384, 7], [MB], [100, 16_383]]) {
    for (let at = 0, n = 0; at < line.length; n++) {
      const size = sizes[n % sizes.length] ?? 1;
      pieces.add(line.subarray(at, at + size));
      at += size;
    }
    assert.equal(pieces.bytes, line.length);
    assert.ok(pieces.take().equals(line), `${sizes}`);
    assert.equal(pieces.bytes, 0);
  }
  pieces.add(line.subarray(0, 10 * MB));
  pieces.add(line.subarray(10 * MB));
  assert.ok(pieces.take(1_000).equals(line.subarray(0, 1_000)));
});
