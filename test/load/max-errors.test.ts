import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startTestServer } from '../support/test-server.ts';

interface StoredError {
  file: string;
  line: number;
  offset: number;
  'resource-id'?: string;
  source: string;
  code: string;
  message: string;
  text: string;
}

/** Ten lines: bad ones of every kind that max-errors covers, good ones between them. */
const LINES = [
  '{"id":"good-1","active":true}',
  '{"id":"deep","name":[{"family":}]}',
  '',
  '{"active":true}',
  '{"id":"nul","gender":"a\\u0000b"}',
  '{"id":"wrong","resourceType":"Observation"}',
  '{"id":"good-2"}',
  '{"id":"good-1","again":true}',
  'oops, no json',
  '{"id":"good-3"}',
];

const server = await startTestServer({ after });

describe('max-errors', () => {
  const errorsOf = async (bucket: string) => {
    const rows = await server.sql<{ resource: StoredError }>(
      `select resource from loadererror where resource ->> 'bucket' = $1 order by (resource ->> 'line')::int`,
      [`s3://${bucket}`],
    );
    return rows.map((row) => row.resource);
  };
  const patients = async () => {
    const rows = await server.sql<{ id: string }>('select id from patient order by id');
    await server.sql('truncate patient');
    return rows.map((row) => row.id);
  };

  test('bad lines are left out and kept with place, id, reason and text; the good ones are loaded', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': LINES.join('\n') });
    const status = await server.load(bucket, { 'max-errors': 6 });
    assert.deepEqual(status, {
      state: 'completed',
      progress: { total: 1, done: 1 },
      'lines-left-out': 6,
      message: `6 lines left out (max-errors); GET /LoaderError?bucket=s3://${bucket} lists them with their errors.`,
    });
    assert.deepEqual(await patients(), ['good-1', 'good-2', 'good-3']);
    const file = await server.loaderFile(bucket, 'Patient.ndjson.gz');
    assert.equal(file.loaded, 3);
    assert.equal(file.message, '6 lines left out (max-errors)');
    assert.equal(file['lines-left-out'], 6);
    const errors = await errorsOf(bucket);
    assert.deepEqual(
      errors.map(({ line, source, code }) => [line, source, code]),
      [
        [2, 'postgres', '22P02'],
        [4, 'aidbox', 'id-missing'],
        [5, 'postgres', '22P05'],
        [6, 'aidbox', 'type-differs'],
        [8, 'postgres', '23505'],
        [9, 'aidbox', 'not-json'],
      ],
    );
    for (const { line, offset, text } of errors) {
      assert.equal(
        offset,
        Buffer.byteLength(
          LINES.slice(0, line - 1)
            .map((each) => `${each}\n`)
            .join(''),
        ),
      );
      assert.equal(text.trimEnd(), LINES[line - 1]);
    }
    assert.equal(errors[3]?.['resource-id'], 'wrong');
    assert.equal(errors[4]?.['resource-id'], 'good-1');
  });

  test('one bad line more fails the file, keeps none of its rows, and still tells the bad lines', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': LINES.join('\n') });
    const status = await server.load(bucket, { 'max-errors': 5 });
    assert.deepEqual(status.progress, { total: 1, error: 1 });
    assert.deepEqual(await patients(), []);
    const file = await server.loaderFile(bucket, 'Patient.ndjson.gz');
    assert.deepEqual(file.error, { source: 'aidbox', code: 'too-many-errors' });
    assert.match(file.message ?? '', /more than 5 bad lines \(max-errors\); the first is .*line 2/);
    assert.equal((await errorsOf(bucket)).length, 6);
  });

  test('without max-errors the first bad line fails the file with its line and leaves no LoaderError', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': LINES.join('\n') });
    await server.load(bucket);
    const file = await server.loaderFile(bucket, 'Patient.ndjson.gz');
    assert.equal(file.status, 'error');
    assert.match(file.message ?? '', /line (2|4)\b/);
    assert.deepEqual(await errorsOf(bucket), []);
    assert.deepEqual(await patients(), []);
  });

  test('loading a mended file again replaces its LoaderErrors', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': LINES.join('\n') });
    await server.load(bucket, { 'max-errors': 5 });
    await server.s3.putObject(bucket, 'Patient.ndjson.gz', '{"id":"mended"}\n{}\n');
    await fetch(`${server.url}/LoaderFile?bucket=s3://${bucket}`, { method: 'DELETE' });
    await server.load(bucket, { 'max-errors': 5 });
    assert.deepEqual(await patients(), ['mended']);
    assert.deepEqual(
      (await errorsOf(bucket)).map(({ line, code }) => [line, code]),
      [[2, 'id-missing']],
    );
  });

  test('what is no text fails by name, however few lines it has; lines of text that are all bad are left out', async () => {
    const bucket = await server.bucketOf({
      'Patient-zeros.ndjson': Buffer.alloc(1_000),
      'Patient-noise.ndjson.gz': gzipSync(Buffer.from('\x8f\x01\x02no resource\n')),
      'Patient-bad.ndjson': 'oops, no json\n',
    });
    await server.load(bucket, { 'max-errors': 10 });
    for (const [key, what] of [
      ['Patient-zeros.ndjson', /^the file is full of zeros/],
      ['Patient-noise.ndjson.gz', /^the file, unpacked from gzip, is binary data/],
    ] as const) {
      const { status, error, message } = await server.loaderFile(bucket, key);
      assert.deepEqual([status, error?.code], ['error', 'not-ndjson']);
      assert.match(message ?? '', what);
    }
    const bad = await server.loaderFile(bucket, 'Patient-bad.ndjson');
    assert.deepEqual([bad.status, bad.loaded, bad['lines-left-out']], ['done', 0, 1]);
  });

  test('with upsert? the second of two lines with one id is left out', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': [{ id: 'a', n: 1 }, { id: 'b' }, { id: 'a', n: 2 }] });
    await server.load(bucket, { 'max-errors': 1, 'upsert?': true });
    const [row] = await server.sql<{ n: number }>(`select (resource -> 'n')::int as n from patient where id = 'a'`);
    assert.equal(row?.n, 1);
    assert.deepEqual(await patients(), ['a', 'b']);
  });

  test('many bad lines among many good ones, over several runs of lines', async () => {
    const lines = Array.from({ length: 30_000 }, (_, n) =>
      n % 1_000 === 7 ? `{"id":"p${n}","text":"${'x'.repeat(300)}` : `{"id":"p${n}","text":"${'x'.repeat(300)}"}`,
    );
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': lines.join('\n') });
    await server.load(bucket, { 'max-errors': 30 });
    assert.equal((await patients()).length, 29_970);
    assert.deepEqual(
      (await errorsOf(bucket)).map(({ line }) => line),
      Array.from({ length: 30 }, (_, n) => n * 1_000 + 8),
    );
  });

  test('LoaderError is read over REST', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': '{}\n' });
    await server.load(bucket, { 'max-errors': 1 });
    const response = await fetch(`${server.url}/LoaderError?bucket=s3://${bucket}&code=id-missing`);
    const bundle: unknown = await response.json();
    assert.ok(typeof bundle === 'object' && bundle !== null && 'total' in bundle);
    assert.equal(bundle.total, 1);
  });
});
