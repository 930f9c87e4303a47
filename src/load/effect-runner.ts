import { toFailure } from '../errors/failure.ts';
import { isRetried } from './load-effect.ts';
import { type EffectDeps, type OutwardEffect, perform } from './load-effects.ts';
import type { LoadEvent } from './load-event.ts';

/** Carries out the effects of a load that take time, all at once, and raises the events that they end with. */
export class EffectRunner {
  readonly #deps: EffectDeps;
  readonly #raise: (event: LoadEvent) => void;
  readonly #running = new Set<Promise<void>>();

  constructor(deps: EffectDeps, raise: (event: LoadEvent) => void) {
    this.#deps = deps;
    this.#raise = raise;
  }

  /** Begins an effect. What makes it fail is logged, and raised where the load cannot do without it. */
  start(effect: OutwardEffect): void {
    const running = perform(effect, this.#deps)
      .then(
        (event) => event && this.#raise(event),
        (error: unknown) => this.#failed(effect, error),
      )
      .finally(() => this.#running.delete(running));
    // These two wait for others' locks; the end of the session ends them.
    if (effect.kind !== 'rejoin' && effect.kind !== 'join') this.#running.add(running);
  }

  /** Resolves when the effects begun so far have ended, except the wait for the bucket's lock. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  #failed(effect: OutwardEffect, error: unknown): void {
    const failure = toFailure(error);
    this.#deps.log.warn({ code: failure.code, effect: effect.kind }, 'a step of the load failed');
    if (isRetried(effect)) this.#raise({ kind: 'effect-failed', effect, failure, error });
    else if (effect.kind === 'tell') this.#raise({ kind: 'tell-failed' });
  }
}
