import { ClientError } from '../errors/client-error.ts';

/** The listings of this process's calls, by bucket: a store decides how long one takes, so each can be ended from outside. */
export class Listings {
  readonly #running = new Map<string, Set<AbortController>>();

  /**
   * Lists a bucket.
   * @param ends signals that end it
   * @param list gets the signal that any of these, or `cancel`, aborts
   */
  async during<T>(bucket: string, ends: AbortSignal[], list: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const cancelled = new AbortController();
    const ofBucket = this.#running.get(bucket) ?? new Set();
    this.#running.set(bucket, ofBucket.add(cancelled));
    try {
      return await list(AbortSignal.any([...ends, cancelled.signal]));
    } finally {
      ofBucket.delete(cancelled);
      if (ofBucket.size === 0) this.#running.delete(bucket);
    }
  }

  /** Ends the listings of a bucket: their calls are answered with an error, and queue nothing. @returns how many */
  cancel(bucket: string): number {
    const ofBucket = [...(this.#running.get(bucket) ?? [])];
    const reason = new ClientError(
      'domain-error',
      `The call was cancelled while it listed <${bucket}>; nothing is queued.`,
    );
    for (const cancelled of ofBucket) cancelled.abort(reason);
    return ofBucket.length;
  }
}
