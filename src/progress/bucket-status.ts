import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import { findCall, findReasons, findWriteOptions } from '../store/bucket-load/bucket-load.ts';
import { isLoading } from '../store/bucket-load/load-lock.ts';
import { hasIndexesToRestore, listIndexesToRestore, tableOf } from '../store/disabled-index/disabled-index.ts';
import { tablesInUse } from '../store/disabled-index/table-lock.ts';
import { flushVisibleCommits } from '../store/durability.ts';
import { latestRun } from '../store/load-run/latest-run.ts';
import { countFilesAndLines, countReferences, listBucketTypes, totalOf } from '../store/loader-file/bucket-files.ts';
import { linesLeftOutText, UNFINISHED } from '../store/loader-file/loader-file.ts';
import type { Queryable } from '../store/query.ts';
import { conversionNote } from './conversion-note.ts';
import { passedOverNote } from './passed-over-note.ts';
import { preparedNote } from './prepared-note.ts';
import { referencesNote } from './references-note.ts';
import { silenceNote } from './silence-note.ts';

/** The states of a bucket, as Aidbox documents them ("Bulk import from an S3 bucket"). */
export type LoadState = 'in-progress' | 'completed' | 'interrupted';

export interface BucketStatus {
  state: LoadState;
  progress: { total: number } & Record<string, number>;
  /** Bad lines that are not among the rows; absent when there are none. */
  'lines-left-out'?: number;
  /** Files that the latest listing has left as they were loaded though their objects had changed; absent when there are none. */
  'passed-over-files-count'?: number;
  /** What the load waits for; why it was given up; why dropped indexes are not back; that lines were left out; whose prepared rows it waits for. */
  message?: string;
}

/**
 * How far a bucket is. `in-progress` while any replica holds the bucket's lock, restoring indexes included, also when
 * the load of another bucket, which needs the same tables' indexes off, is the one that will restore them;
 * `completed` when every file is finished and every index is back; `interrupted` when something is left to do and
 * nobody does it: the next call continues. What is `completed` survives a crash of Postgres from that moment.
 * @throws ClientError when nobody ever called for the bucket
 */
export async function bucketStatus(db: pg.Pool, bucket: string): Promise<BucketStatus> {
  const { options, passedOver = 0 } = (await findCall(db, bucket)) ?? {};
  const { status: ofFiles, linesLeftOut: lines } = await statusOfFiles(db, bucket);
  const converted = withNote(ofFiles, options?.format === 'fhir' ? await conversionNote(db) : undefined);
  const references = options?.resolveReferences === true ? await countReferences(db, bucket) : undefined;
  const referring = withNote(converted, references && referencesNote(references));
  const status = withNote(referring, ofFiles.state === 'completed' ? undefined : await preparedNote(db, bucket));
  const compared =
    passedOver === 0
      ? status
      : { ...withNote(status, passedOverNote(passedOver)), 'passed-over-files-count': passedOver };
  if (lines === 0) return compared;
  const note = `${linesLeftOutText(lines)} (max-errors); GET /LoaderError?bucket=${bucket} lists them with their errors.`;
  return { ...withNote(compared, note), 'lines-left-out': lines };
}

function withNote(status: BucketStatus, note: string | undefined): BucketStatus {
  if (note === undefined) return status;
  return { ...status, message: status.message === undefined ? note : `${status.message} ${note}` };
}

async function statusOfFiles(db: pg.Pool, bucket: string): Promise<{ status: BucketStatus; linesLeftOut: number }> {
  // Locks before what they stand for: a load that ends in between then reads as still in progress, never as interrupted.
  const loading = await isLoading(db, bucket);
  const { counts, linesLeftOut } = await countFilesAndLines(db, bucket);
  const total = totalOf(counts);
  if (total === 0 && (await findWriteOptions(db, bucket)) === undefined) {
    throw new ClientError(
      'domain-error',
      `Bucket <${bucket}> was never loaded. Start with aidbox.bulk/load-from-bucket.`,
    );
  }
  const status = await stateOf(db, bucket, loading, { total, ...counts });
  return { status, linesLeftOut };
}

async function stateOf(
  db: pg.Pool,
  bucket: string,
  loading: boolean,
  progress: BucketStatus['progress'],
): Promise<BucketStatus> {
  const { waitsFor, givenUp } = await findReasons(db, bucket);
  if (loading) return withNote(withNote({ state: 'in-progress', progress }, waitsFor), await silenceNote(db, bucket));
  const unfinished = UNFINISHED.some((status) => progress[status] !== undefined);
  const missing = await missingIndexes(db, bucket);
  if (!unfinished && missing.length === 0) {
    // The replica that loaded the last file may have died before its flush, which comes before the end of its run.
    const run = await latestRun(db, bucket);
    await flushVisibleCommits(db, { replicated: run?.ended === true });
    return { state: 'completed', progress };
  }
  if (!unfinished && missing.every(({ inUse }) => inUse)) return { state: 'in-progress', progress };
  const reasons = missing.map(({ indexname, message }) => message ?? `${indexname} is not restored yet`);
  const whys = [
    ...(givenUp === undefined ? [] : [givenUp]),
    ...(reasons.length === 0 ? [] : [`Dropped indexes are not restored: ${reasons.join('; ')}.`]),
  ];
  const again = 'Call aidbox.bulk/load-from-bucket again to retry.';
  return { state: 'interrupted', progress, ...(whys.length === 0 ? {} : { message: [...whys, again].join(' ') }) };
}

/** The dropped indexes not restored yet, and whether another load needs them dropped or restores them. */
async function missingIndexes(
  db: Queryable,
  bucket: string,
): Promise<{ indexname: string; message?: string | undefined; inUse: boolean }[]> {
  // The types are a scan of all files, and hardly ever is an index dropped.
  if (!(await hasIndexesToRestore(db))) return [];
  const types = await listBucketTypes(db, bucket);
  const first = await listIndexesToRestore(db, { bucket, types });
  // Locks before what they protect, as above: an index restored by the second look is not missing.
  const inUse = await tablesInUse(
    db,
    first.map(({ index }) => tableOf(index)),
  );
  const missing = first.length === 0 ? first : await listIndexesToRestore(db, { bucket, types });
  return missing.map(({ index }) => ({
    indexname: index.indexname,
    message: index.message,
    inUse: inUse(tableOf(index)),
  }));
}
