import type pg from 'pg';
import type { BucketStatus, LoadState } from '../progress/bucket-status.ts';
import { conversionNote } from '../progress/conversion-note.ts';
import { type LoadReport, loadReport } from '../progress/load-report.ts';
import { type RunHistory, runDetail, runHistory } from '../progress/run-history.ts';
import { awaitRoom } from '../store/await-room.ts';
import { type CalledBucket, listBuckets } from '../store/bucket-load/bucket-load.ts';
import type { RunQuery } from '../store/load-run/list-runs.ts';
import type { RunningLoads } from './running-loads.ts';
import { goesOnUnseen, type LocalKnowledge, statusInProcess } from './status-in-process.ts';
import { type WatchStatus, watchStatus } from './watch/watch-status.ts';
import type { Watches } from './watch/watches.ts';

export interface LoadQueriesOptions {
  pool: pg.Pool;
  loads: Pick<RunningLoads, 'find'>;
  watches: Pick<Watches, 'isOwn'>;
}

/** A bucket's status, and how its watch stands if it is watched. */
export type WatchedStatus = BucketStatus & { watch?: WatchStatus };

/**
 * What can be asked of loads, whichever replicas they run on. Changes nothing. Who asks while all connections are in use is
 * answered once there is one, or told so after ten seconds.
 */
export class LoadQueries {
  readonly #options: LoadQueriesOptions;
  readonly #startedAt = performance.now();

  constructor(options: LoadQueriesOptions) {
    this.#options = options;
  }

  /** @throws ClientError when nobody ever called for the bucket */
  async status(bucket: string): Promise<WatchedStatus> {
    const { pool, watches } = this.#options;
    const status = await awaitRoom(() => statusInProcess(pool, bucket, this.#knowledgeOf(bucket)));
    const watch = await awaitRoom(() => watchStatus(pool, bucket, watches));
    return { ...status, ...(watch === undefined ? {} : { watch }) };
  }

  /** What a verbose status adds to one of this state. */
  async report(bucket: string, state: LoadState): Promise<LoadReport> {
    return await awaitRoom(() => loadReport(this.#options.pool, bucket, state));
  }

  /** The buckets that were ever called for, the latest call first. */
  async buckets(): Promise<CalledBucket[]> {
    return await awaitRoom(() => listBuckets(this.#options.pool));
  }

  /**
   * The runs of a bucket, or of all, the latest first; or one, by its number, with its calls and its rate curve.
   * @throws ClientError when nobody ever called for the bucket, or there is no such run
   */
  async history(wanted: { run: number } | RunQuery): Promise<RunHistory> {
    const { pool } = this.#options;
    const goesOn = (bucket: string) => goesOnUnseen(pool, bucket, this.#knowledgeOf(bucket));
    return await awaitRoom(() =>
      'limit' in wanted ? runHistory(pool, wanted, goesOn) : runDetail(pool, wanted.run, goesOn),
    );
  }

  /** What of a database no load applies to resources in Aidbox's format; undefined where there is nothing of it. */
  async conversionNote(): Promise<string | undefined> {
    return await awaitRoom(() => conversionNote(this.#options.pool));
  }

  #knowledgeOf(bucket: string): LocalKnowledge {
    return { load: this.#options.loads.find(bucket), knownMs: performance.now() - this.#startedAt };
  }
}
