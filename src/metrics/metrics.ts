import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Failure } from '../errors/failure.ts';
import type { LoadObserver } from '../load/load-observer.ts';
import type { Queryable } from '../store/query.ts';
import type { FileFigures, FileOutcome, FileProgress } from '../worker/file-task.ts';
import { DatabaseFigures } from './database-figures.ts';
import { DatabaseGauges } from './database-gauges.ts';

/** A code becomes a label only in this form: an S3-compatible store may answer anything. */
const CODE = /^[A-Za-z0-9_-]{1,40}$/;

/** What this process has done since it started, for Prometheus. Totals of a fleet are sums over its replicas. */
export class Metrics implements LoadObserver {
  readonly #registry = new Registry();
  readonly #inHand = this.#gauge('files_in_hand', 'Files being loaded by this process.');
  readonly #ended = this.#counter('files_ended_total', 'Attempts at a file, by how they ended.', ['outcome']);
  readonly #failures = this.#counter('file_faults_total', 'Attempts at a file that failed or are to be repeated.', [
    'source',
    'code',
  ]);
  readonly #committed = this.#counter('resources_committed_total', 'Resources of files that are done.', []);
  readonly #leftOut = this.#counter('lines_left_out_total', 'Bad lines left out of files that are done.', []);
  readonly #sent = this.#counter('resources_sent_total', 'Resources sent to Postgres, also of files that fail.', []);
  readonly #bytes = this.#counter('object_bytes_total', 'Bytes received from S3, as stored.', []);
  readonly #rawBytes = this.#counter('raw_bytes_total', 'Bytes of ndjson, unpacked, of files that have ended.', []);
  readonly #stages = this.#counter('stage_seconds_total', 'Time in a stage, of files that have ended.', ['stage']);
  readonly #resumes = this.#counter('s3_resumes_total', 'Broken bodies of S3 that were resumed.', []);
  readonly #fileSeconds = this.#histogram('file_seconds', 'Time from claim to commit of a file that is done.');
  readonly #indexSeconds = this.#histogram('index_restore_seconds', 'Time to make a dropped index again.');
  readonly #indexFailures = this.#counter('index_restore_failures_total', 'Indexes that could not be made again.', []);

  readonly #failedLogins = this.#counter('failed_logins_total', 'Calls with wrong credentials.', []);

  readonly #figures: DatabaseFigures;
  readonly #gauges = new DatabaseGauges(this.#registry);

  /** @param db for what only the database knows: files by status, indexes that are missing */
  constructor(db: Queryable) {
    this.#figures = new DatabaseFigures(db);
    collectDefaultMetrics({ register: this.#registry });
    // Outcomes that have not occurred are 0 and not absent, so that a rate shows the first.
    for (const outcome of [
      'done',
      'failed',
      'retry',
      'lost',
      'primary-key-dropped',
      'stopped',
    ] satisfies FileOutcome['kind'][]) {
      this.#ended.inc({ outcome }, 0);
    }
  }

  onFileBegun(): void {
    this.#inHand.inc();
  }

  onProgress({ bytes, rows }: FileProgress): void {
    this.#bytes.inc(bytes);
    this.#sent.inc(rows);
  }

  onFileEnded(outcome: FileOutcome): void {
    this.#inHand.dec();
    this.#ended.inc({ outcome: outcome.kind });
    if ('failure' in outcome) this.#addFault(outcome.failure);
    if ('figures' in outcome) this.#addFigures(outcome.figures);
    if (outcome.kind !== 'done') return;
    this.#committed.inc(outcome.figures.rows);
    this.#leftOut.inc(outcome.figures.linesLeftOut);
    this.#fileSeconds.observe(outcome.figures.totalMs / 1_000);
  }

  onIndexRestored(durationMs: number): void {
    this.#indexSeconds.observe(durationMs / 1_000);
  }

  onIndexFailed(): void {
    this.#indexFailures.inc();
  }

  onFailedLogin(): void {
    this.#failedLogins.inc();
  }

  /** All of it in Prometheus's text format. */
  async exposition(): Promise<{ contentType: string; text: string }> {
    this.#gauges.set(await this.#figures.read());
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #addFault({ source, code }: Failure): void {
    this.#failures.inc({ source, code: CODE.test(code) ? code : 'other' });
  }

  #addFigures({ rawBytes, resumes, s3Ms, gunzipMs, encodeMs, postgresMs }: FileFigures): void {
    this.#rawBytes.inc(rawBytes);
    this.#resumes.inc(resumes);
    const stages = { s3_wait: s3Ms, gunzip: gunzipMs, encode: encodeMs, postgres_wait: postgresMs };
    for (const [stage, ms] of Object.entries(stages)) this.#stages.inc({ stage }, ms / 1_000);
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `fhir_loader_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `fhir_loader_${name}`, help, registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram {
    const buckets = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000];
    return new Histogram({ name: `fhir_loader_${name}`, help, buckets, registers: [this.#registry] });
  }
}
