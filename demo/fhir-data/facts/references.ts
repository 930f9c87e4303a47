import { type DemoResourceType, RESOURCE_SHARES } from '../demo-resource-types.ts';
import { indexHash } from '../random.ts';

/**
 * The index a resource refers to, without knowing how many resources there are: at most the point the other type has
 * reached when both grow in the ratio of their shares. So the target exists whenever the counts are in that ratio
 * (planBucket sees to it). And no more than a window before that point: neighbours in a file are about the same few
 * patients and clinics, so that a file compresses alike whatever the size of the bucket.
 */
export function referencedIndex(seed: number, from: DemoResourceType, index: number, to: DemoResourceType): number {
  const last = reachedIndex(from, index, to);
  const first = Math.max(0, last + 1 - RESOURCE_SHARES[to]);
  return first + (indexHash(seed, `${from}>${to}`, index) % (last + 1 - first));
}

/** The last index that surely exists in one type when a resource with this index exists in the other. */
export function reachedIndex(from: DemoResourceType, index: number, to: DemoResourceType): number {
  return Math.floor((index * RESOURCE_SHARES[to]) / RESOURCE_SHARES[from]);
}
