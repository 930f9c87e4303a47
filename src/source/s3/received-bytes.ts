import { offeredChecksum, type RunningChecksum, UnreadableChecksum } from './checksum.ts';
import type { ObjectAnswer } from './object-answer.ts';
import { objectErrors } from './object-errors.ts';
import type { ObjectPin } from './object-pin.ts';
import type { S3Error } from './s3-error.ts';

/** What has come of an object, in order: how many bytes, whether they are as many as it has, and those that the store has a checksum of. */
export class ReceivedBytes {
  readonly #name: string;
  readonly #pin: ObjectPin;
  #count = 0;
  #checksum: RunningChecksum | undefined;
  #damage: S3Error | undefined;

  /** @param name of the object, for messages */
  constructor(name: string, pin: ObjectPin) {
    this.#name = name;
    this.#pin = pin;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes that are still to come; undefined while the object's length is not known. */
  get left(): number | undefined {
    const { size } = this.#pin;
    return size === undefined ? undefined : size - this.#count;
  }

  /** Whether there is a checksum to hold the bytes against, once all are there. */
  get isToVerify(): boolean {
    return this.#checksum !== undefined;
  }

  /** What `verify` has thrown. */
  get damage(): S3Error | undefined {
    return this.#damage;
  }

  /**
   * Takes the checksum of the whole object that the first answer has, if any.
   * @throws S3Error where that is none: the bytes would go unchecked
   */
  begin({ headers }: ObjectAnswer): void {
    try {
      this.#checksum = offeredChecksum(headers);
    } catch (error) {
      throw error instanceof UnreadableChecksum ? objectErrors.noChecksum(this.#name, error) : error;
    }
  }

  /**
   * Takes the next bytes. @returns them
   * @throws S3Error when they are more than the object has
   */
  take(chunk: Buffer): Buffer {
    this.#count += chunk.length;
    const { size } = this.#pin;
    if (size === undefined) throw objectErrors.noSize(this.#name);
    if (this.#count > size) throw this.#pin.otherLength();
    this.#checksum?.update(chunk);
    return chunk;
  }

  /** @throws S3Error when the bytes, which are all there, are not those that the store has a checksum of */
  async verify(): Promise<void> {
    if (this.#checksum === undefined) return;
    const { name: algorithm, expected, ...sum } = this.#checksum;
    this.#checksum = undefined;
    const actual = await sum.digest();
    if (actual === expected) return;
    this.#damage = objectErrors.checksum(this.#name, { algorithm, expected, actual });
    throw this.#damage;
  }
}
