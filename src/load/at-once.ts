/**
 * Does `work` for each item, in order, for up to `most` of them at the same time.
 * @throws the first error, after the others have had their turn
 */
export async function atOnce<T>(most: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  // The lanes share one iterator: each takes the next item when it is done with its last.
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  const lanes = await Promise.allSettled(Array.from({ length: most }, lane));
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
}
