import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

interface Report {
  progress: Record<string, number>;
  bytes: { total: number; done: number; failed: number };
  failures: {
    source: string;
    code: string;
    files: number;
    example: { file: string; message: string };
    advice: string;
  }[];
}

async function reportOf(bucket: string): Promise<Report> {
  const params = { bucket: `s3://${bucket}`, verbose: true };
  return (await server.rpc('aidbox.bulk/load-from-bucket-status', params)).body.result as Report;
}

const retry = async (bucket: string, choice: object) =>
  (await server.rpc('aidbox.bulk/load-from-bucket-retry', { bucket: `s3://${bucket}`, ...choice })).body;

test('failed files are grouped by cause, the most frequent first, with an example and what to do', async () => {
  const twice = [...patients(1, 'twice'), ...patients(1, 'twice')];
  const bucket = await server.bucketOf({
    'Patient-good.ndjson': patients(5, 'good'),
    'Patient-c.ndjson': '{"id":"c"}\noops',
    'Patient-a.ndjson': 'oops',
    'Patient-b.ndjson': 'oops',
    'Patient-twice.ndjson': twice,
  });
  await server.load(bucket);
  const { failures, bytes } = await reportOf(bucket);
  assert.deepEqual(
    failures.map(({ source, code, files, example }) => [source, code, files, example.file]),
    [
      ['aidbox', 'not-json', 3, 'Patient-a.ndjson'],
      ['postgres', '23505', 1, 'Patient-twice.ndjson'],
    ],
  );
  assert.match(failures[0]?.example.message ?? '', /^line 1: /);
  assert.match(failures[0]?.advice ?? '', /^Write one resource per line\. .*`max-errors`/);
  assert.match(failures[1]?.advice ?? '', /`upsert\?`/);
  const failed =
    'oops'.length * 3 + '{"id":"c"}\n'.length + twice.map((line) => JSON.stringify(line)).join('\n').length + 1;
  assert.equal(bytes.failed, failed);
  assert.equal(bytes.done, bytes.total);
});

test('retry takes only the files or the codes that it names', async () => {
  const bucket = await server.bucketOf({
    'Patient-1.ndjson': 'oops',
    'Patient-1.ndjson.gz.ndjson': 'oops',
    'Patient-2.ndjson': 'oops',
    'Patient-3.ndjson': '{"id":""}',
  });
  await server.load(bucket);
  // As a prefix, the first key would also name the second file.
  assert.match(JSON.stringify(await retry(bucket, { files: ['Patient-1.ndjson'] })), /"retried-files-count":1/);
  assert.deepEqual((await reportOf(bucket)).progress, { total: 4, error: 3, pending: 1 });
  assert.match(JSON.stringify(await retry(bucket, { codes: ['id-empty'] })), /"retried-files-count":1/);
  assert.deepEqual(
    (await reportOf(bucket)).failures.map(({ code, files }) => [code, files]),
    [['not-json', 2]],
  );
  const nothing = await retry(bucket, { codes: ['not-json'], files: ['Patient-3.ndjson'] });
  assert.match(JSON.stringify(nothing), /"retried-files-count":0/);
});
