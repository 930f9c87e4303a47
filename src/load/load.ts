import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { jittered } from '../errors/retry-policy.ts';
import { ProgressLog } from '../progress/progress-log.ts';
import { ProgressPublisher } from '../progress/progress-publisher.ts';
import { BackendWatch } from '../store/backend-watch.ts';
import type { DatabaseAddress } from '../store/connection-options.ts';
import type { PartitionRecovery } from '../target/partitioned/partition-recovery.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';
import type { LoadEffect } from './load-effect.ts';
import { type EffectDeps, type OutwardEffect, perform } from './load-effects.ts';
import type { LoadEvent, RetriedEffect } from './load-event.ts';
import { acceptsCalls, initialState, type LoadState, type Step } from './load-model.ts';
import type { LoadObserver } from './load-observer.ts';
import type { NumberedRequest } from './load-request.ts';
import { waitsFor } from './load-rules.ts';
import { LoadSession } from './load-session.ts';
import { next } from './load-state.ts';

export interface LoadOptions {
  address: DatabaseAddress;
  pool: pg.Pool;
  /** For index builds, which may take hours. */
  buildPool: pg.Pool;
  workers: WorkerPool;
  recovery: PartitionRecovery;
  log: Logger;
  observer: LoadObserver;
  /** How often the load polls for changes without a notification, in ms; 5 s by default. */
  pollMs?: number | undefined;
}

const POLL_MS = 5_000;

/**
 * The work of this process on one bucket: as many slots as the call's `thread-num`, each taking one file at a time
 * from the queue that all replicas share, until no file within the calls' prefixes is unfinished, wherever it is
 * being loaded. `next` decides what happens when; this loop hands it the events, one at a time, and carries out the
 * effects that it returns. Never throws: what goes wrong is logged, and stands in the LoaderFiles.
 */
export class Load {
  /** Resolves when a status answer, of any replica, shows that the bucket is worked on; or when it never will be. */
  readonly announced: Promise<void>;
  /**
   * Resolves when nothing runs any more, with the resource types whose tables' statistics are out of date and left to
   * this process.
   */
  readonly ended: Promise<readonly string[]>;

  readonly bucket: string;

  readonly #log: Logger;
  readonly #deps: EffectDeps;
  readonly #announced = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<readonly string[]>();
  readonly #abort = new AbortController();
  readonly #shutdown = new AbortController();
  readonly #publisher: ProgressPublisher;
  readonly #events: LoadEvent[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #timers = new Map<NodeJS.Timeout, { raise: () => void; isPause: boolean }>();
  readonly #poll: NodeJS.Timeout;
  readonly #started = performance.now();
  #state: LoadState;
  #isHandling = false;

  /** Begins at once. */
  constructor(
    request: NumberedRequest,
    { address, pool, buildPool, workers, recovery, observer, pollMs = POLL_MS, ...options }: LoadOptions,
  ) {
    const { bucket } = request;
    const progress = new ProgressLog();
    this.bucket = bucket;
    this.announced = this.#announced.promise;
    this.ended = this.#ended.promise;
    this.#log = options.log.child({ bucket });
    this.#state = initialState(request);
    this.#publisher = new ProgressPublisher(pool, bucket, progress);
    this.#deps = {
      pool,
      buildPool,
      workers,
      recovery,
      observer,
      progress,
      bucket,
      log: this.#log,
      signal: this.#abort.signal,
      shutdown: this.#shutdown.signal,
      session: new LoadSession(address, bucket, (event) => this.#handle(event), new BackendWatch(pool)),
      announce: this.#announced.resolve,
      types: () => this.#state.tables.types,
    };
    this.#poll = setInterval(() => this.#handle({ kind: 'tick' }), pollMs);
    this.#carryOut({ kind: 'join' });
  }

  /**
   * Merges a later call for the same bucket: its account and settings count for the files not yet begun.
   * @returns false when it comes too late: the load has seen its last file
   */
  call(request: NumberedRequest): boolean {
    if (!acceptsCalls(this.#state)) return false;
    this.#handle({ kind: 'called', request });
    return true;
  }

  /** Begins no further file; those in flight roll back at once and return to the queue. Indexes are still restored. */
  cancel(): void {
    this.#handle({ kind: 'cancelled', call: this.#state.request.call });
  }

  /**
   * Begins no further file; those in flight may end within `graceMs` and then roll back to the queue. Indexes stay as
   * they are: restoring them may take hours, and the next call does it.
   */
  stop(graceMs: number): void {
    this.#handle({ kind: 'shutdown', graceMs });
  }

  /** What the load waits for besides the files in flight; undefined when nothing. */
  get waitsFor(): string | undefined {
    return waitsFor(this.#state) || undefined;
  }

  /** The one loop: an event that comes while another one is handled waits for its turn. */
  #handle(event: LoadEvent): void {
    this.#events.push(event);
    if (this.#isHandling) return;
    this.#isHandling = true;
    for (let first = this.#events.shift(); first !== undefined; first = this.#events.shift()) this.#react(first);
    this.#isHandling = false;
  }

  #react(event: LoadEvent): void {
    const before = this.#state;
    const { state, effects } = this.#next(event);
    this.#state = state;
    if (before.session === 'joined' && state.session === 'lost')
      this.#log.warn('session of the load lost; reconnecting');
    if (before.phase !== state.phase) this.#onPhase();
    for (const effect of effects) this.#carryOut(effect);
  }

  /** An error thrown by the state machine ends this load, not the process. */
  #next(event: LoadEvent): Step {
    try {
      return next(this.#state, event, performance.now());
    } catch (error) {
      const state = { ...this.#state, phase: 'ended', reason: 'failed' } as const;
      const { message } = toFailure(error);
      return { state, effects: [{ kind: 'tell-given-up', message }, { kind: 'log-error', error }, { kind: 'end' }] };
    }
  }

  #onPhase(): void {
    const { phase, reason } = this.#state;
    this.#log.debug({ phase, reason }, 'phase of the load');
    if (phase === 'loading') this.#publisher.start();
    // Nobody waits for another attempt at what may not be wanted any more.
    for (const { raise, isPause } of [...this.#timers.values()]) if (isPause) raise();
  }

  #carryOut(effect: LoadEffect): void {
    switch (effect.kind) {
      case 'later':
        this.#later(effect.ms, effect.event);
        break;
      case 'abort':
        this.#abort.abort(new Error(effect.reason));
        break;
      case 'abort-finish':
        this.#shutdown.abort(new Error('the server is shutting down'));
        break;
      case 'log-error':
        this.#log.error({ err: effect.error }, 'the load cannot go on');
        break;
      case 'end':
        void this.#end();
        break;
      default:
        this.#start(effect);
    }
  }

  #start(effect: OutwardEffect): void {
    const running = perform(effect, this.#deps)
      .then(
        (event) => event && this.#handle(event),
        (error: unknown) => this.#failed(effect, error),
      )
      .finally(() => this.#running.delete(running));
    // These two wait for others' locks; the end of the session ends them.
    if (effect.kind !== 'rejoin' && effect.kind !== 'join') this.#running.add(running);
  }

  #failed(effect: OutwardEffect, error: unknown): void {
    const failure = toFailure(error);
    this.#log.warn({ code: failure.code, effect: effect.kind }, 'a step of the load failed');
    if (isRetried(effect)) this.#handle({ kind: 'effect-failed', effect, failure, error });
    else if (effect.kind === 'tell') this.#handle({ kind: 'tell-failed' });
  }

  #later(ms: number, event: LoadEvent): void {
    const isPause = event.kind === 'effect-due' || event.kind === 'file-due';
    const timer = setTimeout(() => raise(), isPause ? jittered(ms) : ms);
    const raise = () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
      this.#handle(event);
    };
    this.#timers.set(timer, { raise, isPause });
  }

  async #end(): Promise<void> {
    clearInterval(this.#poll);
    for (const timer of this.#timers.keys()) clearTimeout(timer);
    // Best effort comes while the session still holds its lock: a status that shows the end then shows the reason.
    await Promise.allSettled(this.#running);
    await this.#publisher.stop();
    await this.#deps.session.end();
    const { reason, sawFiles, finishedTypes } = this.#state;
    const ms = Math.round(performance.now() - this.#started);
    if (reason === 'failed') this.#log.error({ ms }, 'load interrupted; calling load-from-bucket again continues it');
    else this.#log.info({ ms }, `load ${reason === 'shutdown' ? 'stopped' : reason}`);
    this.#announced.resolve();
    this.#ended.resolve(sawFiles ? finishedTypes : []);
  }
}

const RETRIED: ReadonlySet<string> = new Set<RetriedEffect['kind']>([
  'join',
  'rejoin',
  'look',
  'prepare-table',
  'fail-files',
  'claim',
  'fail-file',
  'finish',
]);

function isRetried(effect: OutwardEffect): effect is RetriedEffect {
  return RETRIED.has(effect.kind);
}
