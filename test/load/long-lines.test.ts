import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startTestServer } from '../support/test-server.ts';

const MB = 1024 * 1024;

test('eight files with lines that fill the memory load one after the other, in bounded memory', async (t) => {
  const server = await startTestServer(t, {
    env: { LOADER_MAX_LINE_BYTES: String(24 * MB), LOADER_LINE_MEMORY_BYTES: String(24 * MB), LOADER_THREADS: '2' },
  });
  const line = (id: number) => gzipSync(`{"id":"${id}","text":"${'x'.repeat(23 * MB)}"}\n`);
  const bucket = await server.bucketOf(
    Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`Basic-${n}.ndjson.gz`, line(n)])),
  );
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  t.after(() => clearInterval(watch));
  assert.deepEqual(await server.load(bucket, { 'thread-num': 8 }), {
    state: 'completed',
    progress: { total: 8, done: 8 },
  });
  assert.deepEqual(await server.sql('select count(*)::int as n from basic'), [{ n: 8 }]);
  t.diagnostic(`${Math.round((peak - before) / MB)} MB more at the peak`);
});

test('a file of blank lines without end fails, and a thousand of them do no harm', async (t) => {
  const server = await startTestServer(t);
  const bucket = await server.bucketOf({
    'Patient.ndjson.gz': gzipSync(Buffer.alloc(10_000_001, '\n')),
    'Basic.ndjson.gz': gzipSync(`${'\n'.repeat(1_000)}{"id":"a"}\n\n`),
  });
  await server.load(bucket);
  const { error, message } = await server.loaderFile(bucket, 'Patient.ndjson.gz');
  assert.equal(error?.code, 'too-many-blank-lines');
  assert.match(message ?? '', /more than 10000000 blank lines/);
  assert.equal((await server.loaderFile(bucket, 'Basic.ndjson.gz')).status, 'done');
});
