import assert from 'node:assert/strict';
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

    assert.equal(value('fhir_loader_files_ended_total', { outcome: 'done' }), 1);
    assert.equal(value('fhir_loader_files_ended_total', { outcome: 'failed' }), 1);
    assert.equal(value('fhir_loader_files_ended_total', { outcome: 'retry' }), 0);
    assert.equal(value('fhir_loader_file_faults_total', { source: 'aidbox', code: 'id-missing' }), 1);
    assert.equal(value('fhir_loader_resources_committed_total'), 1_000);
    assert.ok((value('fhir_loader_resources_sent_total') ?? 0) >= 1_000);
    assert.equal(value('fhir_loader_object_bytes_total'), good.length + bad.length);
    assert.equal(value('fhir_loader_raw_bytes_total'), ndjson(patients(1_000)).length + bad.length);
    for (const stage of ['s3_wait', 'gunzip', 'encode', 'postgres_wait']) {
      const seconds = value('fhir_loader_stage_seconds_total', { stage });
      assert.ok(seconds !== undefined && seconds >= 0 && seconds < 60, `${stage}: ${seconds}`);
    }
    assert.equal(value('fhir_loader_s3_resumes_total'), 0);
    assert.equal(value('fhir_loader_files_in_hand'), 0);
    assert.equal(value('fhir_loader_file_seconds_count'), 1);
    assert.ok((value('fhir_loader_index_restore_seconds_count') ?? 0) >= 1);
    assert.equal(value('fhir_loader_index_restore_failures_total'), 0);

    assert.equal(value('fhir_loader_database_up'), 1);
    assert.equal(value('fhir_loader_files', { bucket: `s3://${bucket}`, status: 'done' }), 1);
    assert.equal(value('fhir_loader_files', { bucket: `s3://${bucket}`, status: 'error' }), 1);
    assert.equal(value('fhir_loader_queue_files'), 0);
    assert.equal(value('fhir_loader_disabled_indexes'), 0);

    assert.notEqual(value('nodejs_eventloop_lag_seconds'), undefined);
    assert.notEqual(value('process_cpu_seconds_total'), undefined);
  });

  test('counts the lines that were left out', async () => {
    const bucket = await server.bucketOf({ 'Group.ndjson': '{"id": "g"}\n{}\noops\n' });
    await server.load(bucket, { 'max-errors': 5 });
    assert.equal((await scrape()).value('fhir_loader_lines_left_out_total'), 2);
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
    assert.equal(value('fhir_loader_queue_files'), undefined);
    assert.equal(value('fhir_loader_disabled_indexes'), undefined);
    assert.equal(value('fhir_loader_files_in_hand'), 0);
    assert.equal(types.get('fhir_loader_files'), 'gauge');
  });

  test('a store that invents codes makes no new series of each', async () => {
    const metrics = new Metrics(new pg.Pool({ host: '127.0.0.1', port: 1 }));
    for (const code of ['a b', 'x"} 1\n', 'y'.repeat(41)]) {
      metrics.onFileBegun();
      metrics.onFileEnded({ kind: 'retry', failure: { source: 'aws', code, message: '', transient: true } });
    }
    const { text } = await metrics.exposition();
    assert.equal(parseExposition(text).value('fhir_loader_file_faults_total', { source: 'aws', code: 'other' }), 3);
  });
});
