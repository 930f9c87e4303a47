import { adviceFor } from '../errors/failure-advice.ts';
import type { ReferenceCounts } from '../fhir/reference-target.ts';
import { findWriteOptions } from '../store/bucket-load/bucket-load.ts';
import { readProgress } from '../store/bucket-load/replica-progress.ts';
import { listIndexesToRestore } from '../store/disabled-index/disabled-index.ts';
import { listIndexChoices } from '../store/disabled-index/index-choice.ts';
import {
  countReferences,
  type FileSummary,
  listFilesByStatus,
  summarizeFiles,
} from '../store/loader-file/bucket-files.ts';
import { type FailureGroup, groupFailures } from '../store/loader-file/group-failures.ts';
import { type OutcomeCounts, ROW_OUTCOMES } from '../store/loader-file/stored-rows.ts';
import type { Queryable } from '../store/query.ts';
import type { LoadState } from './bucket-status.ts';
import { type LoadingFile, loadingFiles } from './loading-files.ts';

/** Most failed files, and most files in progress, that a report names. */
const MOST_FILES = 100;

/** Most causes of failures that a report names. */
const MOST_CAUSES = 50;

/** What a verbose status adds to Aidbox's answer; wire names. */
export interface LoadReport {
  /**
   * Of the objects as stored: in all, and of files that are finished (failed ones too) or received for those in progress;
   * `failed`: of those, in files that failed.
   */
  bytes: { total: number; done: number; failed: number };
  resources: { loaded: number } & OutcomeCounts;
  /** Of the files that are done, as they were loaded; absent where references are not resolved. */
  references?: ReferenceCounts;
  /** Now, of all replicas. */
  rate: { 'bytes-per-second': number; 'resources-per-second': number };
  /** Seconds until the last file ends at this rate; absent when nothing moves. */
  'eta-seconds'?: number;
  replicas: number;
  types: TypeReport[];
  /** Files in progress. */
  files: LoadingFile[];
  errors: { id: string; file: string; type: string; message: string; error: { source?: string; code?: string } }[];
  /** The failed files by cause, the most frequent first. */
  failures: (FailureGroup & { advice?: string })[];
  /** Dropped indexes that are not back yet. */
  indexes: { table: string; index: string; message?: string }[];
  /** With `disable-idx?: auto`: what was chosen for each table, and why. */
  'index-choices'?: { table: string; indexes: 'dropped' | 'kept'; reason: string }[];
}

export interface TypeReport {
  type: string;
  files: number;
  done: number;
  error: number;
  bytes: number;
  resources: number;
}

/**
 * Adds up a bucket's LoaderFiles and what all replicas report. Rows of files in progress are not committed yet.
 * @param state of the bucket, by its locks. Unless it is `in-progress`, nobody loads: a replica that was killed cannot
 * withdraw what it said last, nor the mark of its files
 */
export async function loadReport(db: Queryable, bucket: string, state: LoadState): Promise<LoadReport> {
  const summary = await summarizeFiles(db, bucket);
  const isLoading = state === 'in-progress';
  const replicas = isLoading ? await readProgress(db, bucket) : [];
  const inFlight = isLoading ? await listFilesByStatus(db, bucket, 'in-progress', MOST_FILES) : [];
  const failed = await listFilesByStatus(db, bucket, 'error', MOST_FILES);
  const causes = await groupFailures(db, bucket, MOST_CAUSES);
  const types = typesOf(summary);
  const files = loadingFiles(inFlight, replicas);
  const references = await countReferences(db, bucket);
  const missing = await listIndexesToRestore(db, { bucket, types: types.map(({ type }) => type) });

  const chooses = (await findWriteOptions(db, bucket))?.disableIndexes === 'auto';
  const choices = chooses ? await listIndexChoices(db, bucket) : undefined;
  const total = sumOf(summary, ({ bytes }) => bytes);
  const settled = summary.filter(({ status }) => status !== 'pending' && status !== 'in-progress');
  const done = sumOf(settled, ({ bytes }) => bytes) + sumOf(files, ({ bytes }) => bytes);
  const bytesPerSecond = sumOf(replicas, (replica) => replica.bytesPerSecond);
  const remaining = total - done;
  return {
    bytes: { total, done, failed: sumOf(settled, ({ status, bytes }) => (status === 'error' ? bytes : 0)) },
    resources: {
      loaded: sumOf(summary, ({ loaded }) => loaded) + sumOf(files, ({ resources }) => resources),
      ...outcomesOf(summary),
    },
    ...(references === undefined ? {} : { references }),
    rate: {
      'bytes-per-second': Math.round(bytesPerSecond),
      'resources-per-second': Math.round(sumOf(replicas, (replica) => replica.rowsPerSecond)),
    },
    ...(remaining > 0 && bytesPerSecond > 0 ? { 'eta-seconds': Math.ceil(remaining / bytesPerSecond) } : {}),
    replicas: replicas.length,
    types,
    files,
    errors: failed.map(({ id, file = '', type = '', message = '', error = {} }) => ({
      id,
      file,
      type,
      message,
      error: {
        ...(error.source === undefined ? {} : { source: error.source }),
        ...(error.code === undefined ? {} : { code: error.code }),
      },
    })),
    failures: causes.map((cause) => {
      const advice = adviceFor(cause);
      return { ...cause, ...(advice === undefined ? {} : { advice }) };
    }),
    indexes: missing.map(({ index }) => ({
      table: index.tablename,
      index: index.indexname,
      ...(index.message === undefined ? {} : { message: index.message }),
    })),
    ...(choices && {
      'index-choices': choices.map(({ table, dropped, reason }) => ({
        table,
        indexes: dropped ? 'dropped' : 'kept',
        reason,
      })),
    }),
  };
}

function outcomesOf(summary: readonly FileSummary[]): OutcomeCounts {
  const counted = ROW_OUTCOMES.filter((name) => summary.some(({ outcomes }) => outcomes[name] !== undefined));
  return Object.fromEntries(counted.map((name) => [name, sumOf(summary, ({ outcomes }) => outcomes[name] ?? 0)]));
}

function typesOf(summary: readonly FileSummary[]): TypeReport[] {
  return [...Map.groupBy(summary, ({ type }) => type)].map(([type, rows]) => ({
    type,
    files: sumOf(rows, ({ files }) => files),
    done: sumOf(rows, ({ status, files }) => (status === 'done' ? files : 0)),
    error: sumOf(rows, ({ status, files }) => (status === 'error' ? files : 0)),
    bytes: sumOf(rows, ({ bytes }) => bytes),
    resources: sumOf(rows, ({ loaded }) => loaded),
  }));
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
