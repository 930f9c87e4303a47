import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Failure } from '../errors/failure.ts';
import type { LoadObserver } from '../load/load-observer.ts';
import type { Queryable } from '../store/query.ts';
import { readVersion } from '../version.ts';
import type { FileFigures, FileOutcome, FileProgress } from '../worker/file-task.ts';
import { DatabaseFigures } from './database-figures.ts';
import { DatabaseGauges } from './database-gauges.ts';
import { KNOWN_FAILURES } from './known-failures.ts';

/**
 * How often the event loop's lag is sampled, in ms, which is also what `nodejs_eventloop_lag_*` shows without any. Every 10 ms, the library's own, took an idle
 * server 6 CPU ms a second, and a load of 2 GB 0.1 CPU s.
 */
const EVENT_LOOP_SAMPLE_MS = 100;

/** A code becomes a label only in this form: an S3-compatible store may answer anything. */
const CODE = /^[A-Za-z0-9_-]{1,40}$/;

const OUTCOMES: readonly FileOutcome['kind'][] = [
  'done',
  'failed',
  'retry',
  'lost',
  'primary-key-dropped',
  'too-early',
  'stopped',
];

/** What this process has done since it started, for Prometheus. Totals of a fleet are sums over its replicas. */
export class Metrics implements LoadObserver {
  readonly #registry = new Registry();
  readonly #inFlight = this.#gauge('files_in_flight', 'Files being loaded by this process.', ['bucket']);
  readonly #ended = this.#counter('files_ended_total', 'Attempts at a file, by how they ended.', ['bucket', 'outcome']);
  readonly #failures = this.#counter('file_failures_total', 'Attempts at a file that failed or are to be repeated.', [
    'bucket',
    'source',
    'code',
  ]);
  readonly #committed = this.#counter('resources_committed_total', 'Resources of files that are done.', ['bucket']);
  readonly #leftOut = this.#counter('lines_left_out_total', 'Bad lines left out of files that are done.', ['bucket']);
  readonly #sent = this.#counter('resources_sent_total', 'Resources sent to Postgres, also of files that fail.', [
    'bucket',
  ]);
  readonly #bytes = this.#counter('object_bytes_total', 'Bytes received from S3, as stored.', ['bucket']);
  readonly #rawBytes = this.#counter('raw_bytes_total', 'Bytes of ndjson, unpacked, of files that have ended.', [
    'bucket',
  ]);
  readonly #stages = this.#counter('stage_seconds_total', 'Time in a stage, of files that have ended.', [
    'bucket',
    'stage',
  ]);
  readonly #resumes = this.#counter('s3_resumes_total', 'Broken bodies of S3 that were resumed.', ['bucket']);
  readonly #fileSeconds = this.#histogram('file_seconds', 'Time from claim to commit of a file that is done.', [
    'bucket',
  ]);
  readonly #indexSeconds = this.#histogram('index_restore_seconds', 'Time to rebuild a dropped index.', []);
  readonly #indexFailures = this.#counter('index_restore_failures_total', 'Indexes that could not be rebuilt.', []);

  readonly #listings = this.#counter('watch_listings_total', 'Listings of watched buckets, by how they went.', [
    'bucket',
    'outcome',
  ]);
  readonly #failedLogins = this.#counter('failed_logins_total', 'Calls with wrong credentials.', []);

  /** Buckets that have their series. */
  readonly #buckets = new Set<string>();
  readonly #figures: DatabaseFigures;
  readonly #gauges = new DatabaseGauges(this.#registry);

  /** @param db for what only the database knows: files by status, indexes that are missing */
  constructor(db: Queryable) {
    this.#figures = new DatabaseFigures(db);
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
    new Gauge({
      name: 'fhir_loader_build_info',
      help: 'Always 1; the labels say which version runs, on which Node.',
      labelNames: ['version', 'node'],
      registers: [this.#registry],
    }).set({ version: readVersion(), node: process.versions.node }, 1);
  }

  onFileBegun(bucket: string): void {
    this.#startSeries(bucket);
    this.#inFlight.inc({ bucket });
  }

  onProgress(bucket: string, { bytes, rows }: FileProgress): void {
    this.#bytes.inc({ bucket }, bytes);
    this.#sent.inc({ bucket }, rows);
  }

  onFileEnded(bucket: string, outcome: FileOutcome): void {
    this.#inFlight.dec({ bucket });
    this.#ended.inc({ bucket, outcome: outcome.kind });
    if ('failure' in outcome) this.#addFailure(bucket, outcome.failure);
    if ('figures' in outcome) this.#addFigures(bucket, outcome.figures);
    if (outcome.kind !== 'done') return;
    this.#committed.inc({ bucket }, outcome.figures.rows);
    this.#leftOut.inc({ bucket }, outcome.figures.linesLeftOut);
    this.#fileSeconds.observe({ bucket }, outcome.figures.totalMs / 1_000);
  }

  onIndexRestored(durationMs: number): void {
    this.#indexSeconds.observe(durationMs / 1_000);
  }

  onIndexFailed(): void {
    this.#indexFailures.inc();
  }

  onWatchListed(bucket: string, outcome: 'listed' | 'failed'): void {
    // A rate of failures is to show the first.
    for (const each of ['listed', 'failed']) this.#listings.inc({ bucket, outcome: each }, each === outcome ? 1 : 0);
  }

  onFailedLogin(): void {
    this.#failedLogins.inc();
  }

  /** All of it in Prometheus's text format. */
  async exposition(): Promise<{ contentType: string; text: string }> {
    this.#gauges.set(await this.#figures.read());
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** What has not occurred for a bucket is 0 and not absent, so that a rate shows the first. */
  #startSeries(bucket: string): void {
    if (this.#buckets.has(bucket)) return;
    this.#buckets.add(bucket);
    for (const outcome of OUTCOMES) this.#ended.inc({ bucket, outcome }, 0);
    for (const { source, code } of KNOWN_FAILURES) this.#failures.inc({ bucket, source, code }, 0);
    for (const counter of [this.#committed, this.#leftOut, this.#sent, this.#bytes, this.#rawBytes, this.#resumes])
      counter.inc({ bucket }, 0);
  }

  #addFailure(bucket: string, { source, code }: Failure): void {
    this.#failures.inc({ bucket, source, code: CODE.test(code) ? code : 'other' });
  }

  #addFigures(bucket: string, { rawBytes, resumes, s3Ms, gunzipMs, encodeMs, postgresMs }: FileFigures): void {
    this.#rawBytes.inc({ bucket }, rawBytes);
    this.#resumes.inc({ bucket }, resumes);
    const stages = { s3_wait: s3Ms, gunzip: gunzipMs, encode: encodeMs, postgres_wait: postgresMs };
    for (const [stage, ms] of Object.entries(stages)) this.#stages.inc({ bucket, stage }, ms / 1_000);
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `fhir_loader_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name: `fhir_loader_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram<Label extends string>(name: string, help: string, labelNames: Label[]): Histogram<Label> {
    const buckets = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000];
    return new Histogram({ name: `fhir_loader_${name}`, help, labelNames, buckets, registers: [this.#registry] });
  }
}
