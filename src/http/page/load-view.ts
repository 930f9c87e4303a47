import type { LoadQueries } from '../../load/load-queries.ts';
import type { WatchStatus } from '../../load/watch/watch-status.ts';
import type { BucketStatus } from '../../progress/bucket-status.ts';
import type { LoadReport } from '../../progress/load-report.ts';
import type { CalledBucket } from '../../store/bucket-load/bucket-load.ts';

/** What the page reads of the loader. */
export type LoadSource = Pick<LoadQueries, 'buckets' | 'status' | 'report'>;

/** All that is known of one bucket's load: a verbose status answer, whose it is, and when it was last called for. */
export interface LoadView extends BucketStatus, LoadReport {
  bucket: string;
  /** ISO 8601, UTC. */
  'called-at': string;
  watch?: WatchStatus;
}

/** One load in the list: what its row shows. */
export interface LoadSummary
  extends BucketStatus,
    Pick<LoadReport, 'bytes' | 'resources' | 'rate' | 'eta-seconds' | 'replicas'> {
  bucket: string;
  'called-at': string;
  watch?: WatchStatus;
  /** Dropped indexes that are not back. */
  indexes: number;
}

/** Rates at a moment: time in ms since 1970, bytes per second, resources per second. */
export type RateSample = [at: number, bytesPerSecond: number, resourcesPerSecond: number];

/** The data of an `update` event: what changed since the one before on the same connection. */
export interface UpdateEvent {
  /** Time of the server, in ms since 1970. */
  at: number;
  /** The buckets shown, the latest call first. */
  buckets: string[];
  /** How many more there are. */
  more: number;
  /** The loads that changed; at first all of them. */
  loads: LoadSummary[];
  /** The load that was asked for, when it changed. */
  open?: LoadView;
  /** The bucket that was asked for was never called for. */
  unknown?: true;
  /** Why the figures are not of now. */
  failure?: string;
}

/** The most loads shown: the latest ones. Each costs queries. */
export const MOST_LOADS = 50;

/** Reads one bucket's load from the database, whichever replicas work on it. */
export async function readLoad(loader: LoadSource, { bucket, calledAt }: CalledBucket): Promise<LoadView> {
  const status = await loader.status(bucket);
  return { bucket, 'called-at': calledAt.toISOString(), ...status, ...(await loader.report(bucket, status.state)) };
}

/** Reads the latest loads. */
export async function readLoads(loader: LoadSource): Promise<LoadView[]> {
  const loads: LoadView[] = [];
  for (const called of (await loader.buckets()).slice(0, MOST_LOADS)) loads.push(await readLoad(loader, called));
  return loads;
}

/** The part of a load that the list shows. */
export function summaryOf({
  types: _types,
  files: _files,
  errors: _errors,
  failures: _failures,
  ...view
}: LoadView): LoadSummary {
  return { ...view, indexes: view.indexes.length };
}
