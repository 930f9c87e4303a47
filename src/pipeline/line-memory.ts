import { FileError } from '../errors/file-error.ts';

/** A line up to this many bytes is part of what a file takes anyway; only longer ones are counted. */
const UNCOUNTED_BYTES = 1024 * 1024;

/** What is counted in, in bytes: a 32-bit number of them reaches far enough. */
const UNIT_BYTES = 1024;

/** Longest wait for memory, in ms, before the file goes back to the queue: a store may stand still in mid-line. */
const MOST_WAIT_MS = 10 * 60_000;

/** Longest sleep between two looks, in ms; a stop is noticed by then. */
const LOOK_MS = 500;

/** Places in the shared array: units that are free, whether a line has the reserve, how often something was given back. */
const FREE = 0;
const RESERVE_TAKEN = 1;
const RETURNS = 2;

/** A file waited too long for the memory that its line needs. */
class LineMemoryError extends FileError {
  override readonly name = 'LineMemoryError';

  constructor() {
    super(
      `a line waited ${MOST_WAIT_MS / 60_000} min for memory, which other long lines hold (LOADER_LINE_MEMORY_BYTES)`,
      { source: 'aidbox', code: 'line-memory', transient: true },
    );
  }
}

/** Memory for `budgetBytes` of long lines, to be shared by all threads; one line of `maxLineBytes` always has room. */
export function createLineMemory(budgetBytes: number, maxLineBytes: number): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
  new Int32Array(shared)[FREE] = Math.floor(Math.max(0, budgetBytes - maxLineBytes) / UNIT_BYTES);
  return shared;
}

/**
 * What one file holds of the memory for long lines that all files of the process share. A line takes more as it grows. When
 * nothing is left it waits for the reserve, which is enough for the longest line there can be and goes to one line at a
 * time: so there is always one that can go on to its end, and gives its memory back.
 */
export class LineMemory {
  readonly #shared: Int32Array;
  readonly #signal: AbortSignal;
  readonly #mostWaitMs: number;
  /** Units taken from what is free. */
  #held = 0;
  #hasReserve = false;
  #lineBytes = 0;

  /** @param shared from `createLineMemory` */
  constructor(shared: SharedArrayBuffer, signal: AbortSignal, mostWaitMs = MOST_WAIT_MS) {
    this.#shared = new Int32Array(shared);
    this.#signal = signal;
    this.#mostWaitMs = mostWaitMs;
  }

  /**
   * Says how much of an unfinished line is in memory now; resolves once it may grow on.
   * @throws LineMemoryError after ten minutes, or the signal's reason
   */
  async hold(bytes: number): Promise<void> {
    // Less than before: that line has ended, and another one begun.
    if (bytes < this.#lineBytes) this.release();
    this.#lineBytes = bytes;
    if (bytes <= UNCOUNTED_BYTES || this.#hasReserve) return;
    const units = Math.ceil(bytes / UNIT_BYTES);
    const deadline = performance.now() + this.#mostWaitMs;
    for (;;) {
      const returns = Atomics.load(this.#shared, RETURNS);
      if (this.#take(units - this.#held)) {
        this.#held = units;
        return;
      }
      if (Atomics.compareExchange(this.#shared, RESERVE_TAKEN, 0, 1) === 0) {
        this.#hasReserve = true;
        return;
      }
      if (performance.now() > deadline) throw new LineMemoryError();
      await Atomics.waitAsync(this.#shared, RETURNS, returns, LOOK_MS).value;
      this.#signal.throwIfAborted();
    }
  }

  /** Gives everything back. */
  release(): void {
    if (this.#held === 0 && !this.#hasReserve) return;
    Atomics.add(this.#shared, FREE, this.#held);
    if (this.#hasReserve) Atomics.store(this.#shared, RESERVE_TAKEN, 0);
    this.#held = 0;
    this.#hasReserve = false;
    Atomics.add(this.#shared, RETURNS, 1);
    Atomics.notify(this.#shared, RETURNS);
  }

  #take(units: number): boolean {
    for (;;) {
      const free = Atomics.load(this.#shared, FREE);
      if (free < units) return false;
      if (Atomics.compareExchange(this.#shared, FREE, free, free - units) === free) return true;
    }
  }
}
