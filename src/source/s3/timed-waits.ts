import { awaitWithin } from '../../errors/await-within.ts';
import { objectErrors } from './object-errors.ts';
import type { S3Error } from './s3-error.ts';

export interface TimedWaitsOptions {
  /** The object's, as `s3://bucket/key`. */
  name: string;
  /** What ends a wait that begins now. */
  signal: () => AbortSignal;
  /** How many bytes have come so far. */
  bytes: () => number;
}

/** The waits for a store's bytes: each has its limit, and their time is added up. */
export class TimedWaits {
  /** Time spent waiting, in ms. */
  totalMs = 0;

  readonly #options: TimedWaitsOptions;

  constructor(options: TimedWaitsOptions) {
    this.#options = options;
  }

  /**
   * Awaits a promise no longer than `limitMs`; 0 is for ever.
   * @throws S3Error ReadTimeout, or the signal's reason
   */
  async within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const signal = this.#options.signal();
    const started = performance.now();
    try {
      return await awaitWithin(promise, { limitMs, signal, late: () => this.#stalled(limitMs) });
    } finally {
      this.totalMs += performance.now() - started;
    }
  }

  #stalled(limitMs: number): S3Error {
    const { name, bytes } = this.#options;
    return objectErrors.stalled(name, { limitMs, bytes: bytes() });
  }
}
