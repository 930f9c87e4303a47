import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { FileError } from '../errors/file-error.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';
import { onSession } from '../store/query.ts';
import { Statements } from '../store/statement.ts';
import { DATA_ATTEMPTS, hasOrphanedAttempt } from './direct/data-attempt.ts';
import { sweepFences } from './direct/data-fence.ts';
import { recoverDataAttempt } from './direct/recover-data-attempt.ts';
import { decidedStatement, listDecidedFiles } from './partitioned/commit-decision.ts';
import { type FileIdentity, identifyFile } from './partitioned/file-identity.ts';
import { PARTITION_KEYS } from './partitioned/partition-backends.ts';
import { preparedStatement } from './partitioned/prepared-transaction.ts';
import { endStrayBackends, recoverFile } from './partitioned/recover-file.ts';

/** Pause between two looks for what others have left, in ms: while this process loads, and while it is idle. */
const LOADING_MS = 1_000;
const IDLE_MS = 10_000;

/** How long the end of a load waits for decided files, and the pause between two looks, in ms. */
const COMPLETE_TIMEOUT_MS = 60_000;
const COMPLETE_PAUSE_MS = 100;

/**
 * Resolves, again and again, what attempts at files have left whose rows and `done` are in several transactions: of
 * partitioned files prepared transactions, decisions, backends; of those on data connections open attempts. Others may wait for
 * the rows and locks of these, in any bucket's load, so every replica looks, at its start and for as long as it lives. Several
 * may do so at once.
 */
export class AttemptRecovery {
  readonly #pool: pg.Pool;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> | undefined;
  #loads = 0;
  #hasSwept = false;
  #closed = false;

  constructor(pool: pg.Pool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Looks once, and from then on. What goes wrong is logged, and tried again. */
  async start(): Promise<void> {
    await this.look();
    this.#schedule();
  }

  /** A load of this process begins or ends; meanwhile it looks more often. */
  loadBegins(): void {
    this.#loads++;
    this.#schedule();
  }

  loadEnds(): void {
    this.#loads--;
  }

  /** Looks now, or waits for a look already running. What goes wrong is logged, and tried again by the next one. */
  async look(): Promise<void> {
    this.#pass ??= this.#recover()
      .catch((error: unknown) => {
        // A database out of reach is met, and told of, by the loads.
        const { code, message } = toFailure(error);
        this.#log.warn(
          { code, reason: message },
          'what earlier attempts at files have left could not be resolved; trying again',
        );
      })
      .finally(() => {
        this.#pass = undefined;
      });
    await this.#pass;
  }

  /**
   * Looks until no file of the bucket is decided without being `done`: its rows are in, whatever became of its LoaderFile.
   * @throws what Postgres answers; also when that takes longer than a minute
   */
  async complete(bucket: string, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + COMPLETE_TIMEOUT_MS;
    for (;;) {
      await this.#recover();
      if (signal.aborted || !(await this.#isUnresolved(bucket))) return;
      if (performance.now() > deadline) {
        const message = `${SQLSTATE.objectInUse}: what earlier attempts at files of ${bucket} have left cannot be resolved; see pg_prepared_xacts, fhir_bucket_loader.commit_decision and .data_attempt`;
        throw new FileError(message, { source: 'postgres', code: SQLSTATE.objectInUse });
      }
      await delay(COMPLETE_PAUSE_MS);
    }
  }

  async #isUnresolved(bucket: string): Promise<boolean> {
    return (await listDecidedFiles(this.#pool, bucket)).length > 0 || (await hasOrphanedAttempt(this.#pool, bucket));
  }

  /** Waits for a running look; no further one begins. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#pass;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => void this.look().then(() => this.#schedule()),
      this.#loads > 0 ? LOADING_MS : IDLE_MS,
    );
    this.#timer.unref();
  }

  /**
   * A file with a running attempt is left to that attempt. One that cannot be resolved keeps no other from it.
   * @throws the first of what Postgres answered
   */
  async #recover(): Promise<void> {
    const { files, keys, attempts } = await onSession(this.#pool, async (session) => {
      const statements = new Statements();
      const prepared = statements.add(preparedStatement());
      const decided = statements.add(decidedStatement());
      const keys = statements.add(PARTITION_KEYS);
      const attempts = statements.add(DATA_ATTEMPTS);
      await statements.send(session);
      const ids = new Set([...prepared().map(({ loaderFile }) => loaderFile), ...decided()]);
      const files: FileIdentity[] = [];
      for (const id of ids) files.push(await identifyFile(session, id));
      return { files, keys: keys(), attempts: attempts() };
    });
    const errors: unknown[] = [];
    const tryTo = (work: Promise<unknown>) => work.catch((error: unknown) => errors.push(error));
    for (const file of files) await tryTo(onSession(this.#pool, (session) => recoverFile(session, file, 0)));
    for (const key of keys) await tryTo(onSession(this.#pool, (session) => endStrayBackends(session, key)));
    for (const attempt of attempts) await tryTo(recoverDataAttempt(this.#pool, attempt, 0));
    if (errors.length > 0) throw errors[0];
    if (this.#hasSwept) return;
    await sweepFences(this.#pool);
    this.#hasSwept = true;
  }
}
