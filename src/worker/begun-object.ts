import type { ObjectBytes, ObjectSource, ObjectToRead } from '../source/object-source.ts';
import { ForwardedBytes } from './forwarded-bytes.ts';

/** What is read of an object before it is wanted, in bytes: as much as comes of a round trip to a store in another region. */
const FIRST_BYTES = 256 * 1024;

/** How long it is kept for a file that somebody else may have, in ms. */
const KEPT_MS = 10_000;

/** One object that is being read before it is wanted. Where that fails, it is as if it had never been begun. */
export class BegunObject {
  readonly #ended = new AbortController();
  readonly #bytes: ObjectBytes;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #first: Buffer[] = [];
  /** Resolves when no read is in flight any more. */
  readonly #filled: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  readonly #onClose: () => void;
  #isWanted = false;
  #hasFailed = false;

  /** @param onClose called when it is let go of */
  constructor(object: ObjectToRead, source: ObjectSource, onClose: () => void) {
    this.#onClose = onClose;
    this.#bytes = source.open(object, this.#ended.signal);
    this.#chunks = this.#bytes.read()[Symbol.asyncIterator]();
    this.#timer = setTimeout(() => this.close(), KEPT_MS).unref();
    this.#filled = this.#fill();
    this.#filled.catch(() => {
      this.#hasFailed = true;
      if (!this.#isWanted) this.close();
    });
  }

  /**
   * The whole object, for who wants it.
   * @param signal aborting it ends the reading
   * @returns undefined where reading it has failed: it is to be opened as any other, and its error met there
   */
  goOn(signal: AbortSignal): ObjectBytes | undefined {
    if (this.#hasFailed) return undefined;
    clearTimeout(this.#timer);
    this.#isWanted = true;
    if (signal.aborted) this.#ended.abort(signal.reason);
    signal.addEventListener('abort', () => this.#ended.abort(signal.reason), { once: true });
    const bytes = this.#bytes;
    return new ForwardedBytes(
      () => bytes,
      () => this.#read(),
      bytes.waitMs,
    );
  }

  /** Lets go of it. */
  close(): void {
    clearTimeout(this.#timer);
    this.#ended.abort(new Error('the object is not wanted any more'));
    // Its error is that of the abort.
    this.#chunks.return?.().catch(() => {});
    this.#onClose();
  }

  async #fill(): Promise<void> {
    for (let length = 0; length < FIRST_BYTES && !this.#isWanted; ) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      length += next.value.length;
      this.#first.push(next.value);
    }
  }

  async *#read(): AsyncGenerator<Buffer> {
    try {
      await this.#filled;
      yield* this.#first.splice(0);
      yield* { [Symbol.asyncIterator]: () => this.#chunks };
    } finally {
      await this.#chunks.return?.();
    }
  }
}
