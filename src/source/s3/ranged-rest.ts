import { DownloadPace } from './download-pace.ts';
import type { ObjectPin } from './object-pin.ts';
import type { RangePart } from './range-part.ts';
import { RANGE_LIMITS, type RangeBudget, type RangeLimits, RangeWindow } from './range-window.ts';

export interface RangedRestOptions {
  /** Absent where no object is read in ranges. */
  budget: RangeBudget | undefined;
  limits?: RangeLimits | undefined;
  /** Judges by the time spent waiting for bytes, in ms. */
  pace?: Pick<DownloadPace, 'isTooSlow'> | undefined;
  pin: ObjectPin;
  open: (start: number, end: number, signal: AbortSignal) => RangePart;
}

/**
 * The rest of an object whose one body turns out to be what its load waits for: ranges of it are read ahead from a place that the
 * body has not reached yet. There the ranges take over, if the store has answered to the first of them as it should;
 * otherwise the body is read on.
 */
export class RangedRest {
  readonly #options: RangedRestOptions;
  readonly #limits: RangeLimits;
  readonly #pace: Pick<DownloadPace, 'isTooSlow'>;
  #window: RangeWindow | undefined;
  #isGivenUp = false;

  constructor(options: RangedRestOptions) {
    this.#options = options;
    this.#limits = options.limits ?? RANGE_LIMITS;
    this.#pace = options.pace ?? new DownloadPace();
  }

  /** Offset where ranges take over; undefined while there are none. */
  get from(): number | undefined {
    return this.#window?.from;
  }

  /**
   * Begins to read ranges ahead if it is worth it.
   * @param bytes received so far, @param waitMs spent waiting for them
   */
  consider(bytes: number, waitMs: number): void {
    const { budget, pin, open } = this.#options;
    const { size } = pin;
    const from = bytes + this.#limits.partBytes;
    if (budget === undefined || this.#window !== undefined || this.#isGivenUp || size === undefined) return;
    // Of what the ranges are worth, their first one must be left.
    if (from + this.#limits.partBytes > size || !pin.isRangeable || !this.#pace.isTooSlow(waitMs)) return;
    if (budget.take()) this.#window = new RangeWindow({ limits: this.#limits, from, size, open });
  }

  /** The ranges, to be read on from; undefined where the store has not answered to the first: there will be none then. */
  takeOver(): RangeWindow | undefined {
    if (this.#window?.isReady === true) return this.#window;
    this.giveUp();
    return undefined;
  }

  /** Ends the requests; other ranges may be begun. */
  close(): void {
    if (this.#window === undefined) return;
    this.#window.close();
    this.#window = undefined;
    this.#options.budget?.release();
  }

  /** Ends the requests; the object is read without ranges from now on. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.close();
  }
}
