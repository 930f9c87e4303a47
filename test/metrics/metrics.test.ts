import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import pg from 'pg';
import { metricsRoute } from '../../src/http/metrics-route.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { ndjson, patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { type Exposition, parseExposition } from './parse-exposition.ts';

const secret = 'for prometheus';
const server = await startTestServer({ after });
const scrape = async (): Promise<Exposition> => {
  const response = await fetch(`${server.url}/metrics`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(await response.text());
};

describe('GET /metrics', () => {
  test('counts a load by files, rows, bytes, stages, faults and indexes', async () => {
    const good = gzipSync(ndjson(patients(1_000)));
    const bad = '{"id": "b"}\n{"resourceType": "Patient"}\n';
    const bucket = await server.bucketOf({ 'Patient-a.ndjson.gz': good, 'Patient-b.ndjson': bad });
    await server.sql('create table patient (like loaderfile including all)');
    await server.load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    const { value } = await scrape();

    const of = { bucket: `s3://${bucket}` };
    assert.equal(value('fhir_loader_files_ended_total', { ...of, outcome: 'done' }), 1);
    assert.equal(value('fhir_loader_files_ended_total', { ...of, outcome: 'failed' }), 1);
    assert.equal(value('fhir_loader_files_ended_total', { ...of, outcome: 'retry' }), 0);
    assert.equal(value('fhir_loader_file_failures_total', { ...of, source: 'aidbox', code: 'id-missing' }), 1);
    assert.equal(value('fhir_loader_file_failures_total', { ...of, source: 'aidbox', code: 'not-json' }), 0);
    assert.equal(value('fhir_loader_resources_committed_total', of), 1_000);
    assert.ok((value('fhir_loader_resources_sent_total', of) ?? 0) >= 1_000);
    assert.equal(value('fhir_loader_object_bytes_total', of), good.length + bad.length);
    assert.equal(value('fhir_loader_raw_bytes_total', of), ndjson(patients(1_000)).length + bad.length);
    for (const stage of ['s3_wait', 'gunzip', 'encode', 'postgres_wait']) {
      const seconds = value('fhir_loader_stage_seconds_total', { ...of, stage });
      assert.ok(seconds !== undefined && seconds >= 0 && seconds < 60, `${stage}: ${seconds}`);
    }
    assert.equal(value('fhir_loader_s3_resumes_total', of), 0);
    assert.equal(value('fhir_loader_files_in_flight', of), 0);
    assert.equal(value('fhir_loader_file_seconds_count', of), 1);
    assert.ok((value('fhir_loader_index_restore_seconds_count') ?? 0) >= 1);
    assert.equal(value('fhir_loader_index_restore_failures_total'), 0);

    assert.equal(value('fhir_loader_database_up'), 1);
    assert.equal(value('fhir_loader_files', { ...of, status: 'done' }), 1);
    assert.equal(value('fhir_loader_files', { ...of, status: 'error' }), 1);
    assert.equal(value('fhir_loader_files', { ...of, status: 'pending' }), 0);
    assert.equal(value('fhir_loader_bytes_left', of), 0);
    assert.equal(value('fhir_loader_lines_left_out_total', of), 0);
    const lastDone = value('fhir_loader_last_done_timestamp_seconds', of) ?? 0;
    assert.ok(Math.abs(Date.now() / 1_000 - lastDone) < 600, String(lastDone));
    assert.equal(value('fhir_loader_disabled_indexes'), 0);
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.equal(value('fhir_loader_build_info', { version, node: process.versions.node }), 1);

    assert.notEqual(value('nodejs_eventloop_lag_seconds'), undefined);
    // Ten wake-ups a second of an idle process, not the library's hundred.
    assert.ok((value('nodejs_eventloop_lag_mean_seconds') ?? 0) > 0.05);
    assert.notEqual(value('process_cpu_seconds_total'), undefined);
  });

  test('says what is left of a load that was interrupted, and which lines were left out', async (t) => {
    const other = await startTestServer(t);
    const bucket = await other.bucketOf({ 'Patient-a.ndjson': `{"id": "a"}\n{}\n[]\n` });
    await other.load(bucket, { 'max-errors': 5 });
    await other.sql(
      `insert into loaderfile (id, txid, status, resource) values ('left', 1, 'created',
         '{"bucket": "s3://${bucket}", "file": "Patient-b.ndjson", "type": "Patient", "size": 1234, "status": "pending"}')`,
    );
    const { value } = parseExposition(await (await fetch(`${other.url}/metrics`)).text());
    const of = { bucket: `s3://${bucket}` };
    assert.equal(value('fhir_loader_lines_left_out_total', of), 2);
    assert.equal(value('fhir_loader_bytes_left', of), 1234);
    assert.equal(value('fhir_loader_files', { ...of, status: 'pending' }), 1);
  });

  test('asks for the credentials that every call needs', async (t) => {
    const guarded = await startTestServer(t, { env: { BOX_ROOT_CLIENT_SECRET: secret } });
    assert.equal((await fetch(`${guarded.url}/metrics`)).status, 401);
    const authorization = `Basic ${Buffer.from(`root:${secret}`).toString('base64')}`;
    const response = await fetch(`${guarded.url}/metrics`, { headers: { authorization } });
    assert.equal(response.status, 200);
    parseExposition(await response.text());
  });

  test('tells what the process knows while the database is away', async (t) => {
    const pool = new pg.Pool({ host: '127.0.0.1', port: 1 });
    const app = Fastify();
    t.after(async () => {
      await app.close();
      await pool.end();
    });
    metricsRoute(app, new Metrics(pool));
    const { value, types } = parseExposition((await app.inject('/metrics')).body);
    assert.equal(value('fhir_loader_database_up'), 0);
    assert.equal(value('fhir_loader_disabled_indexes'), undefined);
    assert.equal(value('fhir_loader_files', { status: 'error' }), undefined);
    assert.equal(types.get('fhir_loader_files'), 'gauge');
  });

  test('a store that invents codes makes no new series of each', async () => {
    const metrics = new Metrics(new pg.Pool({ host: '127.0.0.1', port: 1 }));
    for (const code of ['a b', 'x"} 1\n', 'y'.repeat(41)]) {
      metrics.onFileBegun('s3://b');
      metrics.onFileEnded('s3://b', { kind: 'retry', failure: { source: 'aws', code, message: '', transient: true } });
    }
    const { text } = await metrics.exposition();
    assert.equal(
      parseExposition(text).value('fhir_loader_file_failures_total', {
        bucket: 's3://b',
        source: 'aws',
        code: 'other',
      }),
      3,
    );
  });
});
