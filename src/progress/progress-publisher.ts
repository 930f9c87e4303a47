import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { publishProgress, withdrawProgress } from '../store/bucket-load/replica-progress.ts';
import type { ProgressLog } from './progress-log.ts';
import { RateMeter } from './rate-meter.ts';

/** How often progress is published, in ms. */
const PUBLISH_MS = 1_000;

/** Publishes this process's progress on a bucket's files to the other replicas, once a second. */
export class ProgressPublisher {
  readonly #pool: pg.Pool;
  readonly #bucket: string;
  readonly #progress: ProgressLog;
  readonly #replica = randomUUID();
  readonly #meter = new RateMeter();
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<void> = Promise.resolve();
  #idle = true;

  constructor(pool: pg.Pool, bucket: string, progress: ProgressLog) {
    this.#pool = pool;
    this.#bucket = bucket;
    this.#progress = progress;
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
    clearInterval(this.#timer);
    await this.#busy;
    // Progress is a courtesy: a database out of reach is the slots' concern.
    await withdrawProgress(this.#pool, this.#bucket, this.#replica).catch(() => {});
  }

  async #publish(): Promise<void> {
    const { bytes, rows } = this.#progress.totals();
    this.#meter.sample(performance.now(), bytes, rows);
    const { files } = this.#progress;
    await publishProgress(this.#pool, this.#bucket, this.#replica, { ...this.#meter.rates(), files }).catch(() => {});
  }
}
