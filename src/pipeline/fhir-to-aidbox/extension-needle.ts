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

  /** Starts over on another buffer. */
  attach(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#extension = this.#escape = -1;
  }

  /** Ranges must not go backwards within a buffer. */
  occurs(from: number, to: number): boolean {
    if (this.#extension < from) this.#extension = this.#next(EXTENSION, from);
    return this.#extension < to || this.escapeOccurs(from, to);
  }

  /** The same for an escape, as which any letter of a key may be written. */
  escapeOccurs(from: number, to: number): boolean {
    if (this.#escape < from) this.#escape = this.#next(ESCAPE, from);
    return this.#escape < to;
  }

  #next(needle: Buffer, from: number): number {
    const at = this.#buffer.indexOf(needle, from);
    return at === -1 ? NEVER : at;
  }
}
