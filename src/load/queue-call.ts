import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import { findWriteOptions, recordCall, turnStatement } from '../store/bucket-load/bucket-load.ts';
import { isLoading } from '../store/bucket-load/load-lock.ts';
import { nameOfOption, WRITE_OPTIONS, type WriteOptions } from '../store/bucket-load/write-options.ts';
import { holdWatch } from '../store/bucket-watch/bucket-watch.ts';
import { endAbandonedRun } from '../store/load-run/end-run.ts';
import { addRunCall, type CallRecord } from '../store/load-run/run-call.ts';
import { addLoaderFiles } from '../store/loader-file/add-loader-files.ts';
import { countFiles } from '../store/loader-file/bucket-files.ts';
import type { StoredFile } from '../store/loader-file/listed-files.ts';
import { releaseOrphans } from '../store/loader-file/queue.ts';
import { requeueChangedFiles } from '../store/loader-file/requeue-changed-files.ts';
import { boundStatement } from '../store/lock-waits.ts';
import type { Queryable } from '../store/query.ts';
import { Statements } from '../store/statement.ts';
import { inBoundedTransaction, ROWS_WAIT_MS, TURN_WAIT_MS } from './bounded-transaction.ts';
import { type ComparedFile, compareListing, isPassedOver } from './compare-listing.ts';
import type { FileListing } from './list-files.ts';
import type { LoadRequest } from './load-request.ts';

/** Of the files whose objects have changed since they were loaded. */
export interface ChangedFiles {
  /** Queued again. */
  count: number;
  /** Not queued: another call has loaded them while this one listed. */
  unsure: number;
  /** Left as they were loaded, since the call does not ask for them. */
  passedOver: number;
}

/** A call in the queue. */
export interface QueuedCall {
  /** Its number for the bucket. */
  call: bigint;
  newFiles: number;
  changed: ChangedFiles;
  /** LoaderFiles of the bucket, of any status. */
  totalFiles: number;
}

/** What a call has listed. */
export interface QueuedListing {
  listing: FileListing;
  /**
   * A number of `transaction_id_seq` from before the listing. What LoaderFiles have become since then is no older than the
   * listing, and not compared with it.
   */
  listedFrom: bigint;
  /** Whether it has only what comes after earlier listings. */
  isPartial?: boolean;
  /** Whose listing it is, where the bucket is watched: when that watch has ended, nothing is queued. */
  watch?: string | undefined;
}

/**
 * Queues what a call has listed, and records the call, in one transaction within the bucket's turn.
 * @param record what the record of the run says of the call
 * @throws ClientError when the call contradicts a load in progress, its watch has ended, or the turn does not come
 */
export async function queueCall(
  pool: pg.Pool,
  { bucket, write, reloadChanged }: Pick<LoadRequest, 'bucket' | 'write' | 'reloadChanged'>,
  { listing, listedFrom, isPartial, watch }: QueuedListing,
  record: CallRecord,
): Promise<QueuedCall> {
  await inBoundedTransaction(pool, bucket, (client) => endAbandonedRun(client, bucket));
  const queued = await inBoundedTransaction(pool, bucket, async (client) => {
    const statements = new Statements();
    statements.add(boundStatement(TURN_WAIT_MS));
    statements.add(turnStatement(bucket));
    statements.add(boundStatement(ROWS_WAIT_MS));
    await statements.send(client);
    await refuseContradiction(client, bucket, write);
    if (watch !== undefined && !(await holdWatch(client, bucket, watch)))
      throw new ClientError('domain-error', `Bucket <${bucket}> is no longer watched; nothing is queued.`);
    const { newFiles, changed } = await queueFiles(client, bucket, { listing, listedFrom, reloadChanged });
    const passedOver = isPartial === true ? undefined : changed.passedOver;
    const call = await recordCall(client, bucket, { options: write, passedOver });
    await addRunCall(client, bucket, call, { ...record, newFiles });
    return { call, newFiles, changed, totalFiles: await countFiles(client, bucket) };
  });
  await releaseOrphans(pool, bucket);
  return queued;
}

/**
 * Queues every file of a listing that has no LoaderFile yet, in a transaction, so that all of them are queued or none; and
 * queues those again whose objects have changed, or counts those that are passed over. Each page is looked up once.
 */
async function queueFiles(
  db: Queryable,
  bucket: string,
  { listing, listedFrom, reloadChanged }: Pick<QueuedListing, 'listing' | 'listedFrom'> & { reloadChanged: boolean },
): Promise<{ newFiles: number; changed: ChangedFiles }> {
  let newFiles = 0;
  const changed = { count: 0, unsure: 0, passedOver: 0 };
  const isOlder = (stored: StoredFile) => BigInt(stored.txid) < listedFrom;
  for await (const page of compareListing(db, bucket, listing, { reloadChanged })) {
    newFiles += await addLoaderFiles(db, bucket, page, storedOf(page));
    changed.passedOver += page.filter(
      (file) => isPassedOver(file) && file.stored !== undefined && isOlder(file.stored),
    ).length;
    const differing = page.filter((file) => file.standing === 'changed');
    const certain = differing.flatMap(({ stored, ...file }) =>
      stored !== undefined && isOlder(stored) ? [{ ...file, stored }] : [],
    );
    const queued = await requeueChangedFiles(db, bucket, certain);
    changed.count += queued;
    changed.unsure += differing.length - queued;
  }
  return { newFiles, changed };
}

function storedOf(page: readonly ComparedFile[]): Map<string, StoredFile> {
  return new Map(page.flatMap(({ key, stored }) => (stored === undefined ? [] : [[key, stored] as const])));
}

/**
 * Concurrent loads of a bucket must use the same write options.
 * @throws ClientError
 */
export async function refuseContradiction(db: Queryable, bucket: string, wanted: WriteOptions): Promise<void> {
  const current = await findWriteOptions(db, bucket);
  if (current === undefined || !(await isLoading(db, bucket))) return;
  const differing = WRITE_OPTIONS.filter((name) => current[name] !== wanted[name]);
  if (differing.length === 0) return;
  const list = differing.map((name) => `${nameOfOption(name)}: ${current[name]}`).join(', ');
  throw new ClientError(
    'domain-error',
    `Bucket <${bucket}> is being loaded with ${list}. Use the same options, or wait until that load has ended.`,
  );
}
