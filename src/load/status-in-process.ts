import type pg from 'pg';
import { type BucketStatus, bucketStatus } from '../progress/bucket-status.ts';
import { isReconnecting } from '../store/bucket-load/bucket-load.ts';
import type { Load } from './load.ts';

/** What the status says while a load has lost its session. */
const RECONNECTING = 'The load has lost its connection to Postgres and is reconnecting.';

const RESTARTED = 'Postgres has just started; the replicas that were loading reconnect.';

/** What this process knows of a bucket besides the database. */
export interface LocalKnowledge {
  /** Its load in this process, if any. */
  load: Load | undefined;
  /** For how long this process has known the database, in ms. */
  knownMs: number;
}

/**
 * The bucket's status with what this process knows better than the database, to which a lost session is like a dead
 * replica.
 * @throws ClientError when nobody ever called for the bucket
 */
export async function statusInProcess(
  pool: pg.Pool,
  bucket: string,
  { load, knownMs }: LocalKnowledge,
): Promise<BucketStatus> {
  const status = await bucketStatus(pool, bucket);
  if (load !== undefined && status.state !== 'completed') {
    const isKnown = status.state === 'in-progress';
    const { waitsFor = load.isReconnecting ? RECONNECTING : undefined } = load;
    return inProgress(status, isKnown ? (status.message ?? load.waitsFor) : waitsFor);
  }
  if (status.state !== 'interrupted' || !(await isReconnecting(pool, bucket, knownMs))) return status;
  return inProgress(status, RESTARTED);
}

/** Whether a load of the bucket goes on of which the database has no session: it reconnects. */
export async function goesOnUnseen(pool: pg.Pool, bucket: string, { load, knownMs }: LocalKnowledge): Promise<boolean> {
  return load !== undefined || (await isReconnecting(pool, bucket, knownMs));
}

/** The same status, `in-progress` and with this message. */
function inProgress({ message: _, ...status }: BucketStatus, message: string | undefined): BucketStatus {
  return { ...status, state: 'in-progress', ...(message === undefined ? {} : { message }) };
}
