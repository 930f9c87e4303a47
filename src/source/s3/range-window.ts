import type { RangePart } from './range-part.ts';

/** How large objects are read in ranges. */
export interface RangeLimits {
  /** Length of a range, in bytes. */
  partBytes: number;
  /** Ranges of an object that are read at a time; with their length, what they keep in memory. */
  parts: number;
}

/** 4 MiB at 50 MB/s take 80 ms, beside which 30 ms of a round trip are no great loss; a GB then takes 250 requests. */
export const RANGE_LIMITS: RangeLimits = { partBytes: 4 * 1024 * 1024, parts: 4 };

/** Objects of a thread that may be read in ranges at a time. Several files at once are several connections already. */
const MOST_WINDOWS = 2;

/** How many objects of a thread may be read in ranges at a time: what they keep in memory is 16 MiB each. */
export class RangeBudget {
  #free = MOST_WINDOWS;

  /** @returns false where as many as may be are read in ranges */
  take(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  release(): void {
    this.#free++;
  }
}

export interface RangeWindowOptions {
  limits: RangeLimits;
  /** Offset of the first byte. */
  from: number;
  /** Of the object. */
  size: number;
  open: (start: number, end: number, signal: AbortSignal) => RangePart;
}

/**
 * An object's bytes from some offset to its end, in ranges, some of which are read at a time. The first one goes ahead: a store
 * that cannot answer with ranges is asked for one only.
 */
export class RangeWindow {
  readonly from: number;
  readonly #options: RangeWindowOptions;
  readonly #ended = new AbortController();
  readonly #parts: RangePart[] = [];
  #opened: number;

  constructor(options: RangeWindowOptions) {
    this.#options = options;
    this.from = options.from;
    this.#opened = options.from;
    const first = this.#open();
    first.admitted.then((isAdmitted) => {
      if (isAdmitted) this.#fill();
    });
  }

  /** Whether the store has answered to the first range. */
  get isReady(): boolean {
    return this.#parts[0]?.isAdmitted === true;
  }

  /**
   * The next bytes, in order; undefined at the object's end.
   * @throws as `RangePart.next`
   */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const [part] = this.#parts;
      if (part === undefined) return undefined;
      const chunk = await part.next();
      if (chunk !== undefined) return chunk;
      this.#parts.shift();
      this.#fill();
    }
  }

  /** Ends all requests. */
  close(): void {
    this.#ended.abort(new Error('the ranges are no longer needed'));
  }

  #fill(): void {
    const { limits, size } = this.#options;
    while (this.#parts.length < limits.parts && this.#opened < size && !this.#ended.signal.aborted) this.#open();
  }

  #open(): RangePart {
    const { limits, size, open } = this.#options;
    const start = this.#opened;
    this.#opened = Math.min(size, start + limits.partBytes);
    const part = open(start, this.#opened, this.#ended.signal);
    this.#parts.push(part);
    return part;
  }
}
