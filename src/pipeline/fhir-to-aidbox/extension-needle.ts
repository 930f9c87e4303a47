/** Ends the keys `extension` and `modifierExtension`. */
const EXTENSION = Buffer.from('xtension"');
/** How an ASCII letter of a key may be written instead. */
const ESCAPE = Buffer.from('\\u00');

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Tells whether a key `extension` or `modifierExtension` may lie in a range of a buffer. Two native searches, each
 * remembered until it is passed, let most values be skipped without a look at their keys.
 */
export class ExtensionNeedle {
  #buffer: Buffer = Buffer.alloc(0);
  #extension = NEVER;
  #escape = NEVER;
  #soonest = NEVER;

  /** Starts over on another buffer. */
  attach(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#extension = this.#escape = this.#soonest = -1;
  }

  /** Ranges must not go backwards within a buffer. */
  occurs(from: number, to: number): boolean {
    if (this.#soonest < from) this.#advance(from);
    return this.#soonest < to;
  }

  #advance(from: number): void {
    if (this.#extension < from) this.#extension = this.#next(EXTENSION, from);
    if (this.#escape < from) this.#escape = this.#next(ESCAPE, from);
    this.#soonest = Math.min(this.#extension, this.#escape);
  }

  #next(needle: Buffer, from: number): number {
    const at = this.#buffer.indexOf(needle, from);
    return at === -1 ? NEVER : at;
  }
}
