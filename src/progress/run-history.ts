import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import { findWriteOptions } from '../store/bucket-load/bucket-load.ts';
import { DIED, type Outcome, type RunEnd } from '../store/load-run/end-run.ts';
import { listRuns, type RunQuery, type StoredRun } from '../store/load-run/list-runs.ts';
import { type RunCall, readRunCalls } from '../store/load-run/run-call.ts';
import { type RunPoint, readPoints } from '../store/load-run/run-rates.ts';

/** A run, in wire names. */
export interface RunReport {
  /** Its number; a later run, of any bucket, has a higher one. */
  run: number;
  bucket: string;
  state: Outcome | 'in-progress';
  reason?: string;
  start: string;
  end?: string;
  'duration-ms': number;
  replicas: number;
  files: { done: number; error: number; left: number };
  resources: number;
  bytes: number;
  'lines-left-out': number;
  failures: { source?: string; code?: string; files: number }[];
  /** On average. */
  rate: Rates;
  'calls-count': number;
  /** The first one; of a single run all that are kept. */
  calls: CallReport[];
  /** Of a single run only. */
  curve?: { 'seconds-per-point': number; points: ({ second: number } & Rates)[] };
}

interface Rates {
  'bytes-per-second': number;
  'resources-per-second': number;
}

interface CallReport {
  call: number;
  at: string;
  caller: RunCall['caller'];
  params: RunCall['params'];
  'new-files-count': number;
}

export interface RunHistory {
  runs: RunReport[];
  /** What `before` is to be for the runs that come next; absent when there are none. */
  'next-before'?: number;
}

/** Whether a load of the bucket goes on of which the database has no session. */
export type GoesOn = (bucket: string) => Promise<boolean>;

/**
 * Runs, the latest first.
 * @throws ClientError when nobody ever called for the bucket
 */
export async function runHistory(db: pg.Pool, query: RunQuery, goesOn: GoesOn): Promise<RunHistory> {
  const { bucket, limit } = query;
  const found = await listRuns(db, { ...query, limit: limit + 1 });
  if (bucket !== undefined && found.length === 0 && (await findWriteOptions(db, bucket)) === undefined) {
    throw new ClientError(
      'domain-error',
      `Bucket <${bucket}> was never loaded. Start with aidbox.bulk/load-from-bucket.`,
    );
  }
  const stored = found.slice(0, limit);
  const calls = await readRunCalls(
    db,
    stored.map(({ run }) => run),
    false,
  );
  const runs: RunReport[] = [];
  for (const each of stored) runs.push(await describe(each, calls.get(each.run) ?? [], goesOn));
  const last = runs.at(-1);
  return { runs, ...(found.length > limit && last !== undefined ? { 'next-before': last.run } : {}) };
}

/**
 * One run, with its calls and its rate curve.
 * @throws ClientError when there is none with this number
 */
export async function runDetail(db: pg.Pool, run: number, goesOn: GoesOn): Promise<RunHistory> {
  const [stored] = await listRuns(db, { run, limit: 1 });
  if (stored === undefined) {
    throw new ClientError('domain-error', `There is no run ${run}; the records of old runs are deleted.`);
  }
  const calls = await readRunCalls(db, [run], true);
  const report = await describe(stored, calls.get(run) ?? [], goesOn);
  const points = await readPoints(db, run);
  const { sampleSeconds } = stored;
  const at = (point: RunPoint) => {
    // The last one has not had all of its seconds; but a replica adds what it did in the second before.
    const seconds = Math.min(sampleSeconds, Math.max(report['duration-ms'] / 1_000 - point.second, 1));
    return { second: point.second, ...ratesOf(point.bytes, point.rows, seconds) };
  };
  return { runs: [{ ...report, curve: { 'seconds-per-point': sampleSeconds, points: points.map(at) } }] };
}

async function describe(stored: StoredRun, calls: readonly RunCall[], goesOn: GoesOn): Promise<RunReport> {
  const { run, bucket, startedAt, endedAt, lastSeen, replicas, figures, now } = stored;
  const { outcome, reason } = endOf(stored);
  const isRunning = endedAt === null && (stored.held || (outcome !== 'completed' && (await goesOn(bucket))));
  const end = isRunning ? undefined : (endedAt ?? lastSeen);
  const ms = Math.max(0, (end ?? now).getTime() - startedAt.getTime());
  return {
    run,
    bucket,
    state: isRunning ? 'in-progress' : outcome,
    ...(isRunning || reason === undefined ? {} : { reason }),
    start: startedAt.toISOString(),
    ...(end === undefined ? {} : { end: end.toISOString() }),
    'duration-ms': ms,
    replicas,
    files: { done: figures.done, error: figures.error, left: figures.left },
    resources: figures.resources,
    bytes: figures.bytes,
    'lines-left-out': figures.linesLeftOut,
    failures: figures.failures.map(({ source, code, files }) => ({
      ...(source === null ? {} : { source }),
      ...(code === null ? {} : { code }),
      files,
    })),
    rate: ratesOf(figures.bytes, figures.resources, ms / 1_000),
    'calls-count': stored.calls,
    calls: calls.map(({ call, at, caller, params, newFiles }) => ({
      call,
      at: at.toISOString(),
      caller,
      params,
      'new-files-count': newFiles,
    })),
  };
}

/** How a run ended; where nobody has ended it, as the next call will. */
function endOf({ outcome, reason, figures, lacksIndexes }: StoredRun): RunEnd {
  if (outcome !== null) return { outcome, reason: reason ?? undefined };
  return figures.left === 0 && !lacksIndexes ? { outcome: 'completed' } : { outcome: 'interrupted', reason: DIED };
}

function ratesOf(bytes: number, resources: number, seconds: number): Rates {
  const perSecond = (amount: number) => (seconds <= 0 ? 0 : Math.round(amount / seconds));
  return { 'bytes-per-second': perSecond(bytes), 'resources-per-second': perSecond(resources) };
}
