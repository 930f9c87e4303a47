import type { FileError } from '../errors/file-error.ts';
import type { ObjectBytes } from '../source/object-source.ts';

/** An object's bytes that come another way than its source has them; what else is asked of them is asked of the source's. */
export class ForwardedBytes implements ObjectBytes {
  readonly read: () => AsyncIterable<Buffer>;

  readonly #of: () => ObjectBytes;
  readonly #waitedBeforeMs: number;

  /**
   * @param of the source's; asked for each time, since it may become another
   * @param waitedBeforeMs wait for bytes that does not count
   */
  constructor(of: () => ObjectBytes, read: () => AsyncIterable<Buffer>, waitedBeforeMs = 0) {
    this.#of = of;
    this.read = read;
    this.#waitedBeforeMs = waitedBeforeMs;
  }

  findDamage(): Promise<FileError | undefined> {
    return this.#of().findDamage();
  }

  get bytes(): number {
    return this.#of().bytes;
  }

  get resumes(): number {
    return this.#of().resumes;
  }

  get waitMs(): number {
    return this.#of().waitMs - this.#waitedBeforeMs;
  }
}
