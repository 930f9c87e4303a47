import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type pg from 'pg';
import { publishProgress, withdrawProgress } from '../store/bucket-load/replica-progress.ts';
import { MOST_POINTS, thinPoints } from '../store/load-run/run-rates.ts';
import type { Amount, ProgressLog } from './progress-log.ts';
import { RateMeter } from './rate-meter.ts';
import type { RunRecord } from './run-record.ts';

/** How often progress is published, in ms. */
const PUBLISH_MS = 1_000;

/**
 * Publishes this process's progress on a bucket's files to the other replicas, once a second, and adds it to the rate curve
 * of the run.
 */
export class ProgressPublisher {
  readonly #pool: pg.Pool;
  readonly #bucket: string;
  readonly #progress: ProgressLog;
  readonly #record: RunRecord;
  readonly #replica = randomUUID();
  readonly #meter = new RateMeter();
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<void> = Promise.resolve();
  #idle = true;
  /** What the curve has of this process. */
  #recorded: Amount = { bytes: 0, rows: 0 };
  #secondsPerPoint = 1;

  constructor(pool: pg.Pool, bucket: string, progress: ProgressLog, record: RunRecord) {
    this.#pool = pool;
    this.#bucket = bucket;
    this.#progress = progress;
    this.#record = record;
  }

  start(): void {
    this.#meter.sample(performance.now(), 0, 0);
    this.#timer = setInterval(() => {
      // One at a time: a slow database gets no queue of them.
      if (!this.#idle) return;
      this.#idle = false;
      this.#busy = this.#publish().finally(() => {
        this.#idle = true;
      });
    }, PUBLISH_MS);
  }

  /** Stops publishing, and withdraws what was published. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    await this.#busy;
    await this.#publish();
    // Progress is a courtesy: a database out of reach is the slots' concern.
    await withdrawProgress(this.#pool, this.#bucket, this.#replica).catch(() => {});
  }

  async #publish(): Promise<void> {
    const totals = this.#progress.totals();
    this.#meter.sample(performance.now(), totals.bytes, totals.rows);
    // The host's name is the pod's or the container's: by it people find the log.
    const replica = hostname();
    const files = Object.fromEntries(
      Object.entries(this.#progress.files).map(([id, amount]) => [id, { ...amount, replica }]),
    );
    const { run } = this.#record;
    const more = {
      bytes: Math.max(0, totals.bytes - this.#recorded.bytes),
      rows: Math.max(0, totals.rows - this.#recorded.rows),
    };
    try {
      const progress = { ...this.#meter.rates(), files };
      const second = await publishProgress(
        this.#pool,
        this.#bucket,
        this.#replica,
        progress,
        run === undefined ? undefined : { run, ...more },
      );
      this.#recorded = totals;
      if (run === undefined || second === undefined || second < this.#secondsPerPoint * MOST_POINTS) return;
      this.#secondsPerPoint = await thinPoints(this.#pool, run, second);
    } catch {
      // The next second's includes it.
    }
  }
}
