import type { FastifyBaseLogger as Logger } from 'fastify';
import { ProgressLog } from '../progress/progress-log.ts';
import { ProgressPublisher } from '../progress/progress-publisher.ts';
import { RunRecord } from '../progress/run-record.ts';
import { BackendWatch } from '../store/backend-watch.ts';
import { EffectRunner } from './effect-runner.ts';
import type { LoadEffect } from './load-effect.ts';
import type { LoadEvent } from './load-event.ts';
import { LoadLoop } from './load-loop.ts';
import { acceptsCalls, initialState, type LoadState } from './load-model.ts';
import type { LoadOptions } from './load-options.ts';
import type { NumberedRequest } from './load-request.ts';
import { waitsFor } from './load-rules.ts';
import { LoadSession } from './load-session.ts';
import { LoadTimers } from './load-timers.ts';
import { runEndOf } from './run-end.ts';

const POLL_MS = 5_000;

/**
 * The work of this process on one bucket: as many slots as the call's `thread-num`, each taking one file at a time
 * from the queue that all replicas share, until no file within the calls' prefixes is unfinished, wherever it is
 * being loaded. `LoadLoop` decides what happens when; this class raises the events and carries out the effects. Never throws: what
 * goes wrong is logged, and stands in the LoaderFiles.
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
  readonly #loop: LoadLoop;
  readonly #effects: EffectRunner;
  readonly #session: LoadSession;
  readonly #timers: LoadTimers;
  readonly #announced = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<readonly string[]>();
  readonly #abort = new AbortController();
  readonly #shutdown = new AbortController();
  readonly #record: RunRecord;
  readonly #publisher: ProgressPublisher;
  readonly #poll: NodeJS.Timeout;
  readonly #started = performance.now();
  #givenUp: string | undefined;

  /** Begins at once. */
  constructor(request: NumberedRequest, options: LoadOptions) {
    const { bucket } = request;
    const { address, pool, pollMs = POLL_MS } = options;
    const progress = new ProgressLog();
    this.bucket = bucket;
    this.announced = this.#announced.promise;
    this.ended = this.#ended.promise;
    this.#log = options.log.child({ bucket });
    this.#loop = new LoadLoop(initialState(request), (...step) => this.#onStep(...step));
    const raise = (event: LoadEvent) => this.#loop.raise(event);
    this.#timers = new LoadTimers(raise);
    this.#record = new RunRecord({
      pool,
      bucket,
      log: this.#log,
      call: () => this.#loop.state.request.call,
      end: () => runEndOf(this.#loop.state.reason, this.#givenUp),
    });
    this.#publisher = new ProgressPublisher(pool, bucket, progress, this.#record);
    this.#session = new LoadSession(address, bucket, raise, new BackendWatch(pool));
    const deps = {
      ...options,
      progress,
      bucket,
      log: this.#log,
      signal: this.#abort.signal,
      shutdown: this.#shutdown.signal,
      session: this.#session,
      record: this.#record,
      announce: this.#announced.resolve,
      types: () => this.#loop.state.tables.types,
    };
    this.#effects = new EffectRunner(deps, raise);
    this.#poll = setInterval(() => raise({ kind: 'tick' }), pollMs);
    this.#carryOut({ kind: 'join' });
  }

  /**
   * Merges a later call for the same bucket: its account and settings count for the files not yet begun.
   * @returns false when it comes too late: the load has seen its last file
   */
  call(request: NumberedRequest): boolean {
    if (!acceptsCalls(this.#loop.state)) return false;
    this.#loop.raise({ kind: 'called', request });
    return true;
  }

  /** Begins no further file; those in flight roll back at once and return to the queue. Indexes are still restored. */
  cancel(): void {
    this.#loop.raise({ kind: 'cancelled', call: this.#loop.state.request.call });
  }

  /**
   * Begins no further file; those in flight may end within `graceMs` and then roll back to the queue. Indexes stay as
   * they are: restoring them may take hours, and the next call does it.
   */
  stop(graceMs: number): void {
    this.#loop.raise({ kind: 'shutdown', graceMs });
  }

  /** What the load waits for besides the files in flight; undefined when nothing. */
  get waitsFor(): string | undefined {
    return waitsFor(this.#loop.state) || undefined;
  }

  /** Whether nothing is left to do: the database says by now, or in a moment, how the load has ended. */
  get isOver(): boolean {
    return this.#loop.state.phase === 'ended';
  }

  /** Whether the load has lost its session, and has not got another yet. */
  get isReconnecting(): boolean {
    return this.#loop.state.session === 'lost';
  }

  #onStep(before: LoadState, { session, phase, reason }: LoadState, effects: readonly LoadEffect[]): void {
    if (before.session === 'joined' && session === 'lost') this.#log.warn('session of the load lost; reconnecting');
    if (before.phase !== phase) {
      this.#log.debug({ phase, reason }, 'phase of the load');
      if (phase === 'loading') this.#publisher.start();
      // Nobody waits for another attempt at what may not be wanted any more.
      this.#timers.endPauses();
    }
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: LoadEffect): void {
    switch (effect.kind) {
      case 'later':
        this.#timers.later(effect.ms, effect.event);
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
      case 'tell-given-up':
        this.#givenUp = effect.message;
        this.#effects.start(effect);
        break;
      default:
        this.#effects.start(effect);
    }
  }

  async #end(): Promise<void> {
    clearInterval(this.#poll);
    this.#timers.clear();
    // Best effort comes while the session still holds its lock: a status that shows the end then shows the reason.
    await this.#effects.settled();
    await this.#publisher.stop();
    await this.#record.leave((work) => this.#session.do(work));
    await this.#session.end();
    const { reason, sawFiles, finishedTypes } = this.#loop.state;
    const ms = Math.round(performance.now() - this.#started);
    if (reason === 'failed') this.#log.error({ ms }, 'load interrupted; calling load-from-bucket again continues it');
    else this.#log.info({ ms }, `load ${reason === 'shutdown' ? 'stopped' : reason}`);
    this.#announced.resolve();
    this.#ended.resolve(sawFiles ? finishedTypes : []);
  }
}
