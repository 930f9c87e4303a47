/**
 * Does `work` for each item, in order, for up to `most` of them at the same time.
 * @throws the first error, after the others have had their turn
 */
export async function atOnce<T>(most: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  // The slots share one iterator: each takes the next item when it is done with its last.
  const slot = async () => {
    for (const item of queue) await work(item);
  };
  const slots = await Promise.allSettled(Array.from({ length: most }, slot));
  for (const ended of slots) if (ended.status === 'rejected') throw ended.reason;
}
