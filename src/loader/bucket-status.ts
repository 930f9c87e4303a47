import { findWriteOptions } from '../db/bucket-load/bucket-load.ts';
import { isLoading, tablesInUse } from '../db/bucket-load/load-lock.ts';
import { listIndexesToRestore } from '../db/disabled-index/disabled-index.ts';
import { countFilesByStatus, totalOf } from '../db/loader-file/count-files-by-status.ts';
import { listBucketTypes } from '../db/loader-file/list-bucket-types.ts';
import { UNFINISHED } from '../db/loader-file/loader-file.ts';
import type { Queryable } from '../db/query.ts';
import { tableName } from '../db/resource-tables.ts';
import { ClientError } from '../errors.ts';

/** The states that the seed names. */
export type LoadState = 'in-progress' | 'completed' | 'interrupted';

export interface BucketStatus {
  state: LoadState;
  progress: { total: number } & Record<string, number>;
  /** Why dropped indexes are not back, where that is so and nobody works on it. */
  message?: string;
}

/**
 * How far a bucket is. `in-progress` while any replica holds the bucket's lock, restoring indexes included, also when
 * the load of another bucket, which needs the same tables' indexes off, is the one that will restore them;
 * `completed` when every file is finished and every index is back; `interrupted` when something is left to do and
 * nobody does it: the next call continues.
 * @throws ClientError when nobody ever called for the bucket
 */
export async function bucketStatus(db: Queryable, bucket: string): Promise<BucketStatus> {
  // Locks before what they stand for: a load that ends in between then reads as still in progress, never as interrupted.
  const loading = await isLoading(db, bucket);
  const counts = await countFilesByStatus(db, bucket);
  const total = totalOf(counts);
  if (total === 0 && (await findWriteOptions(db, bucket)) === undefined) {
    throw new ClientError(
      'domain-error',
      `Bucket <${bucket}> was never loaded. Start with aidbox.bulk/load-from-bucket.`,
    );
  }
  const progress = { total, ...counts };
  if (loading) return { state: 'in-progress', progress };
  const tables = (await listBucketTypes(db, bucket)).map(tableName);
  const inUse = await tablesInUse(db, tables);
  const missing = await listIndexesToRestore(db, tables);
  const unfinished = UNFINISHED.some((status) => counts[status] !== undefined);
  if (!unfinished && missing.length === 0) return { state: 'completed', progress };
  if (missing.length === 0) return { state: 'interrupted', progress };
  const leftToOthers = missing.every(({ index }) => inUse.has(index.tablename));
  if (!unfinished && leftToOthers) return { state: 'in-progress', progress };
  return { state: 'interrupted', progress, message: missingIndexes(missing.map(({ index }) => index)) };
}

function missingIndexes(indexes: readonly { indexname: string; message?: string | undefined }[]): string {
  const reasons = indexes.map(({ indexname, message }) => message ?? `${indexname} is not restored yet`);
  return `Dropped indexes are not back: ${reasons.join('; ')}. Call aidbox.bulk/load-from-bucket again to retry.`;
}
