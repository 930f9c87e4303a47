import type { LoaderService } from '../../load/loader-service.ts';
import type { BucketStatus } from '../../progress/bucket-status.ts';
import type { LoadReport } from '../../progress/load-report.ts';

/** What the page reads of the loader. */
export type LoadSource = Pick<LoaderService, 'buckets' | 'status' | 'report'>;

/** All that is known of one bucket's load: a verbose status answer, and whose it is. */
export interface LoadView extends BucketStatus, LoadReport {
  bucket: string;
}

/** Rates at a moment: time in ms since 1970, bytes per second, resources per second. */
export type RateSample = [at: number, bytesPerSecond: number, resourcesPerSecond: number];

/** The data of an `update` event: what changed since the one before on the same connection. */
export interface UpdateEvent {
  /** Time of the server, in ms since 1970. */
  at: number;
  /** All buckets, the latest call first. */
  buckets: string[];
  /** The loads that changed; at first all of them, with the rates of the last minutes in which they were watched. */
  loads: (LoadView & { history?: RateSample[] })[];
  /** Why the figures are not of now. */
  trouble?: string;
}

/** The most loads shown: the latest ones. Each costs queries. */
export const MOST_LOADS = 50;

/** Reads one bucket's load from the database, whichever replicas work on it. */
export async function readLoad(loader: LoadSource, bucket: string): Promise<LoadView> {
  const status = await loader.status(bucket);
  return { bucket, ...status, ...(await loader.report(bucket, status.state)) };
}

/** Reads the latest loads. */
export async function readLoads(loader: LoadSource): Promise<LoadView[]> {
  const loads: LoadView[] = [];
  for (const bucket of (await loader.buckets()).slice(0, MOST_LOADS)) loads.push(await readLoad(loader, bucket));
  return loads;
}
