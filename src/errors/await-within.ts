/** How long to wait, and what ends the wait. */
export interface Wait {
  /** Longest wait, in ms; 0 is for ever. */
  limitMs: number;
  signal?: AbortSignal | undefined;
  /** The error when the limit has passed. */
  late: () => Error;
}

/**
 * Awaits a promise, but no longer than the limit. Its work goes on: the caller that gives it up ends it.
 * @throws what `late` gives, or the signal's reason
 */
export async function awaitWithin<T>(promise: Promise<T>, { limitMs, signal, late }: Wait): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const interrupted = new Promise<never>((_resolve, reject) => {
    if (limitMs > 0) timer = setTimeout(() => reject(late()), limitMs);
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
  try {
    return await Promise.race([promise, interrupted]);
  } catch (error) {
    promise.catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
