import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { startTestServer } from '../support/test-server.ts';
import { runCli } from './run-cli.ts';

const root = mkdtempSync(join(tmpdir(), 'cli-folder-'));
after(() => rmSync(root, { recursive: true, force: true }));
const server = await startTestServer({ after }, { env: { LOADER_FILE_ROOTS: root } });

test('a folder is loaded, told and listed, with credentials for S3 around', { timeout: 600_000 }, async () => {
  const folder = join(root, 'north, south');
  mkdirSync(folder);
  writeFileSync(join(folder, 'Patient.ndjson'), '{"id":"cli-folder-1"}\n{"id":"cli-folder-2"}\n');
  const { href } = pathToFileURL(folder);
  const env = {
    FHIR_BUCKET_LOADER_URL: server.url,
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_REGION: 'eu-west-1',
  };
  for (const bucket of [`${href}/`, `file://${folder}`]) {
    const load = await runCli(['load', bucket, '--follow'], env);
    assert.deepEqual([load.code, load.stderr], [0, '']);
    const status = await runCli(['status', bucket], env);
    assert.match(status.stdout, /1 of 1 file, 2 resources/);
    const files = await runCli(['files', bucket], env);
    assert.match(files.stdout, /\ndone\tPatient\.ndjson\tPatient\t/);
    const retry = await runCli(['retry', bucket, '--load', '--follow'], { FHIR_BUCKET_LOADER_URL: server.url });
    assert.deepEqual([retry.code, retry.stderr], [0, '']);
  }
  const rows = await server.sql(`select count(*)::int as count from patient where id like 'cli-folder-%'`);
  assert.deepEqual(rows, [{ count: 2 }]);
});

test('options that say whose a bucket is are refused for a folder', async () => {
  const { code, stderr } = await runCli([
    'load',
    pathToFileURL(root).href,
    '--region',
    'eu-west-1',
    '--url',
    server.url,
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /go with s3:\/\/ buckets only/);
});
