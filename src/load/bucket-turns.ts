import { awaitWithin } from '../errors/await-within.ts';
import { ClientError } from '../errors/client-error.ts';

/**
 * One after another for each bucket. The calls of a bucket wait for its lock in Postgres in any case; waiting there, each would hold a connection,
 * and those of 2,000 calls at once kept everybody else from the database.
 */
export class BucketTurns {
  /** The end of the last turn that was asked for. */
  readonly #ends = new Map<string, Promise<void>>();

  /**
   * Does something when all that was asked for before, for this bucket, has ended.
   * @param limitMs longest wait for that
   * @throws ClientError when the wait is over, and what `work` throws
   */
  async take<T>(bucket: string, limitMs: number, work: () => Promise<T>): Promise<T> {
    const before = this.#ends.get(bucket) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = before.then(() => promise);
    this.#ends.set(bucket, end);
    const late = () =>
      new ClientError('busy', `Other calls for bucket <${bucket}> have taken ${limitMs / 1000} s; try again.`);
    try {
      await awaitWithin(before, { limitMs, late });
      return await work();
    } finally {
      resolve();
      if (this.#ends.get(bucket) === end) this.#ends.delete(bucket);
    }
  }
}
