import pLimit from 'p-limit';

/**
 * Does `work` for each item, in order, for up to `most` of them at the same time.
 * @throws the first error, after the others have had their turn
 */
export async function atOnce<T>(most: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const limit = pLimit(most);
  const results = await Promise.allSettled(items.map((item) => limit(() => work(item))));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
