import type pg from 'pg';
import { bucketStatus } from '../progress/bucket-status.ts';
import { endAbandonedRun } from '../store/load-run/end-run.ts';
import { type FailedFilesChoice, requeueFailedFiles } from '../store/loader-file/requeue-failed-files.ts';
import { boundLockWaits } from '../store/lock-waits.ts';
import { inBoundedTransaction, ROWS_WAIT_MS } from './bounded-transaction.ts';

/**
 * Puts the bucket's failed files, those chosen, back in the queue. A load in progress takes them; else the next call does.
 * @returns how many
 * @throws ClientError when nobody ever called for the bucket
 */
export async function retryFiles(pool: pg.Pool, bucket: string, choice: FailedFilesChoice): Promise<number> {
  await bucketStatus(pool, bucket);
  await inBoundedTransaction(pool, bucket, (client) => endAbandonedRun(client, bucket));
  return await inBoundedTransaction(pool, bucket, async (client) => {
    await boundLockWaits(client, ROWS_WAIT_MS);
    return await requeueFailedFiles(client, bucket, choice);
  });
}
