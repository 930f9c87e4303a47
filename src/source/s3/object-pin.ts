import type { ObjectIdentity } from '../object-source.ts';
import { normalizeEtag } from './etag.ts';
import type { ObjectAnswer } from './object-answer.ts';
import { objectErrors } from './object-errors.ts';

/** Which version of an object is read: what was listed, then what the first answer said, holds for every further answer. */
export class ObjectPin {
  readonly #name: string;
  readonly #listed: ObjectIdentity;
  #first: ObjectAnswer | undefined;
  #encoding: string | undefined;
  #size: number | undefined;

  constructor(name: string, listed: ObjectIdentity) {
    this.#name = name;
    this.#listed = { ...listed, etag: normalizeEtag(listed.etag) };
    // A listing that has no sizes may say 0: the answer has the size.
    this.#size = listed.size === 0 ? undefined : listed.size;
  }

  /** For `If-Match`. */
  get etag(): string | undefined {
    return this.#listed.etag ?? this.#first?.etag;
  }

  /** Length of the object in bytes, once it is known. */
  get size(): number | undefined {
    return this.#size;
  }

  /**
   * Whether ranges of the object can be told to be of this version, and of the bytes that are read: by its ETag, its length,
   * and a body that nothing has packed or unpacked.
   */
  get isRangeable(): boolean {
    const first = this.#first;
    return first?.etag !== undefined && first.total === this.#size && first.contentEncoding === undefined;
  }

  /** Whether an answer seems to hold other bytes than those stored: packed or unpacked on the way. */
  seemsTranscoded({ contentEncoding, total }: ObjectAnswer): boolean {
    if (contentEncoding === undefined) return false;
    this.#encoding = contentEncoding;
    return total === undefined || (this.#size !== undefined && total !== this.#size);
  }

  /**
   * Takes an answer that begins at byte 0.
   * @throws S3Error when it is not the object listed, or its end cannot be determined
   */
  begin(answer: ObjectAnswer): void {
    const { etag, total, lastModified } = answer;
    if (this.etag !== undefined && etag !== undefined) {
      if (etag !== this.etag) throw objectErrors.replaced(this.#name);
    } else if (lastModified !== undefined && this.#isOtherTime(lastModified)) throw objectErrors.replaced(this.#name);
    if (total !== undefined && this.#size !== undefined && total !== this.#size) throw this.otherLength();
    this.#size ??= total;
    if (this.#size === undefined && this.#listed.size !== 0) throw objectErrors.noSize(this.#name);
    this.#first = answer;
  }

  /**
   * Takes an answer that goes on at byte `offset`.
   * @throws S3Error when it may be of another version, or begins elsewhere
   */
  resume(answer: ObjectAnswer, offset: number): void {
    const first = this.#first;
    if (first?.etag !== undefined && answer.etag !== undefined) {
      if (first.etag !== answer.etag) throw objectErrors.replaced(this.#name);
    } else if (first?.lastModified !== answer.lastModified) throw objectErrors.replaced(this.#name);
    else if (first?.isLastModifiedStrong !== true) {
      const reason = 'the store gives no ETag to tell whether the object is still the same';
      throw objectErrors.unresumable(this.#name, offset, reason);
    }
    if (answer.total !== undefined && answer.total !== this.#size) throw this.otherLength();
    if (answer.contentEncoding !== first?.contentEncoding) {
      const reason = 'the rest would come in another Content-Encoding';
      throw objectErrors.unresumable(this.#name, offset, reason);
    }
    if (answer.start === undefined || answer.start > offset) {
      const got = answer.start === undefined ? 'a part of unknown place' : `those from ${answer.start} on`;
      throw objectErrors.range(this.#name, offset, got);
    }
  }

  /** The error of an object that has another length than it ought to. */
  otherLength(): Error {
    return this.#encoding === undefined
      ? objectErrors.replaced(this.#name)
      : objectErrors.transcoded(this.#name, { encoding: this.#encoding, size: this.#size });
  }

  /** Listings have milliseconds, answers only seconds. */
  #isOtherTime(lastModified: number): boolean {
    const listed = this.#listed.lastModified?.getTime();
    return listed !== undefined && !Number.isNaN(listed) && Math.abs(listed - lastModified) >= 1_000;
  }
}
