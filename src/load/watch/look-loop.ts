import type { FastifyBaseLogger as Logger } from 'fastify';

export interface LookLoopOptions {
  /** Looks once. @returns when to look again, in ms */
  look: () => Promise<number>;
  /** When to look again after a look that failed, in ms. */
  retryMs: number;
  log: Logger;
}

/** Looks at the watched buckets again and again, one look at a time; each says when the next one is due. */
export class LookLoop {
  readonly #options: LookLoopOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isLookWanted = false;
  #hasFailed = false;
  #stopped = false;

  constructor(options: LookLoopOptions) {
    this.#options = options;
  }

  /** Looks at once, or once more after the look that is going on. */
  wake(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    if (this.#looking !== undefined) {
      this.#isLookWanted = true;
      return;
    }
    this.#looking = this.#look().then((nextMs) => {
      this.#looking = undefined;
      if (this.#stopped) return;
      const isLookWanted = this.#isLookWanted;
      this.#isLookWanted = false;
      if (isLookWanted) this.wake();
      else this.#timer = setTimeout(() => this.wake(), nextMs);
    });
  }

  /** Begins no further look. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Resolves when the look that is going on has ended. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  async #look(): Promise<number> {
    const { look, log, retryMs } = this.#options;
    try {
      const nextMs = await look();
      this.#hasFailed = false;
      return nextMs;
    } catch (error) {
      // Once for each outage: it is tried again every few seconds.
      if (!this.#hasFailed) log.warn({ err: error }, 'watched buckets cannot be looked after now');
      this.#hasFailed = true;
      return retryMs;
    }
  }
}
