import type { FastifyBaseLogger as Logger } from 'fastify';
import { type Failure, isDatabaseUnreachable, toFailure } from '../errors/failure.ts';
import { backOff } from './backoff.ts';

/** How long a load waits for a database that cannot be reached before it gives up, in ms. */
const PATIENCE_MS = 10 * 60_000;

/** Waits out restarts and failovers of the database, for all that one load does with it. */
export class RetryPolicy {
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #unreachableSince: number | undefined;
  #attempts = 0;

  constructor(log: Logger, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
  }

  /**
   * Does `work`, again and again while its failure may pass.
   * @throws what `work` throws, once that is no passing failure, ten minutes are over, or the load is aborted
   */
  async do<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await work();
        this.reached();
        return result;
      } catch (error) {
        if (!(await this.wait(toFailure(error)))) throw error;
      }
    }
  }

  /** The database answered. */
  reached(): void {
    this.#unreachableSince = undefined;
    this.#attempts = 0;
  }

  /** Pauses after a failure. @returns false when there is no point in another attempt */
  async wait(failure: Failure): Promise<boolean> {
    this.#unreachableSince ??= performance.now();
    const waited = performance.now() - this.#unreachableSince;
    const hopeful = failure.transient || isDatabaseUnreachable(failure);
    if (!hopeful || waited > PATIENCE_MS || this.#signal.aborted) return false;
    this.#attempts++;
    this.#log.warn({ code: failure.code, attempt: this.#attempts }, 'the database cannot be used now; trying again');
    await backOff(this.#attempts, this.#signal);
    return !this.#signal.aborted;
  }
}
