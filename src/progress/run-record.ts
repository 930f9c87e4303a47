import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { commit } from '../store/commit.ts';
import { endRun, finishRun, type RunEnd } from '../store/load-run/end-run.ts';
import { enterRun } from '../store/load-run/enter-run.ts';
import { releaseRun } from '../store/load-run/run-lock.ts';
import { inTransaction, type Queryable } from '../store/query.ts';

export interface RunRecordOptions {
  pool: pg.Pool;
  bucket: string;
  log: Logger;
  /** The load's latest call. */
  call: () => bigint;
  /** How the load ends, should it end now. */
  end: () => RunEnd;
}

/** A load's part in the record of a run, which all replicas that work on the bucket share. */
export class RunRecord {
  readonly #options: RunRecordOptions;
  #run: number | undefined;
  #isFinished = false;

  constructor(options: RunRecordOptions) {
    this.#options = options;
  }

  /** The run; undefined before `enter`. */
  get run(): number | undefined {
    return this.#run;
  }

  /**
   * Enters the bucket's run, also once more where the session was lost, or begins one.
   * @param session the load's own, which has the bucket's lock
   * @throws what Postgres answers
   */
  async enter(session: Queryable): Promise<void> {
    const { bucket, call } = this.#options;
    await session.query('begin');
    try {
      this.#run = await enterRun(session, bucket, { call: call(), known: this.#run });
      await commit(session);
      this.#isFinished = false;
    } catch (error) {
      await session.query('rollback').catch(() => {
        // The session is lost, and with it all it held.
      });
      throw error;
    }
  }

  /**
   * Ends the run as the last of all replicas, before the bucket's state shows its end.
   * @param failedIndexes dropped indexes that could not be restored: the bucket is not completed then
   * @throws what Postgres answers
   */
  async finish(failedIndexes: readonly string[]): Promise<void> {
    const { pool, bucket, end } = this.#options;
    const run = this.#run;
    if (run === undefined) return;
    const { outcome, reason } = end();
    const change: RunEnd =
      failedIndexes.length === 0
        ? { outcome, reason }
        : {
            outcome: outcome === 'completed' ? 'interrupted' : outcome,
            reason: `Dropped indexes are not restored: ${failedIndexes.join(', ')}; /DisabledIndex says why.`,
          };
    await inTransaction(pool, (client) => finishRun(client, bucket, run, change));
    this.#isFinished = true;
  }

  /**
   * Leaves the run, and ends it where no other replica is in it. Never throws: where the database is out of reach, the
   * next call ends the run.
   * @param onSession does something on the load's session
   */
  async leave(onSession: (work: (session: Queryable) => Promise<void>) => Promise<void>): Promise<void> {
    const { pool, bucket, log, end } = this.#options;
    const run = this.#run;
    if (run === undefined || this.#isFinished) return;
    try {
      await onSession((session) => releaseRun(session, run));
    } catch {
      // A session that is lost holds nothing any more.
    }
    try {
      await inTransaction(pool, (client) => endRun(client, bucket, run, end()));
    } catch (error) {
      log.warn({ run, code: toFailure(error).code }, 'the end of the run could not be recorded');
    }
  }
}
