import type { FastifyBaseLogger as Logger } from 'fastify';
import { type FileFault, isDatabaseUnreachable, toFileFault } from '../errors/failure.ts';
import { backOff } from './backoff.ts';

/** How long a load waits for a database that cannot be reached before it gives up, in ms. */
const PATIENCE_MS = 10 * 60_000;

/** Waits out restarts and failovers of the database, for all that one load does with it. */
export class DatabasePatience {
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #unreachableSince: number | undefined;
  #attempts = 0;

  constructor(log: Logger, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
  }

  /**
   * Does `work`, again and again while its fault may pass.
   * @throws what `work` throws, once that is no passing fault, ten minutes are over, or the load is aborted
   */
  async do<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await work();
        this.reached();
        return result;
      } catch (error) {
        if (!(await this.wait(toFileFault(error)))) throw error;
      }
    }
  }

  /** The database answered. */
  reached(): void {
    this.#unreachableSince = undefined;
    this.#attempts = 0;
  }

  /** Pauses after a fault. @returns false when there is no point in another attempt */
  async wait(fault: FileFault): Promise<boolean> {
    this.#unreachableSince ??= performance.now();
    const waited = performance.now() - this.#unreachableSince;
    const hopeful = fault.transient || isDatabaseUnreachable(fault);
    if (!hopeful || waited > PATIENCE_MS || this.#signal.aborted) return false;
    this.#attempts++;
    this.#log.warn({ code: fault.code, attempt: this.#attempts }, 'the database cannot be used now; trying again');
    await backOff(this.#attempts, this.#signal);
    return !this.#signal.aborted;
  }
}
