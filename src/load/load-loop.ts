import { toFailure } from '../errors/failure.ts';
import type { LoadEffect } from './load-effect.ts';
import type { LoadEvent } from './load-event.ts';
import type { LoadState, Step } from './load-model.ts';
import { next } from './load-state.ts';

/** Sees each step of a load: its state before and after, and the effects to carry out. */
export type OnStep = (before: LoadState, after: LoadState, effects: readonly LoadEffect[]) => void;

/** The state of a load, changed by one event at a time: one raised while another is handled waits for its turn. */
export class LoadLoop {
  readonly #onStep: OnStep;
  readonly #events: LoadEvent[] = [];
  #state: LoadState;
  #isHandling = false;

  constructor(initial: LoadState, onStep: OnStep) {
    this.#state = initial;
    this.#onStep = onStep;
  }

  get state(): LoadState {
    return this.#state;
  }

  raise(event: LoadEvent): void {
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
    this.#onStep(before, state, effects);
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
}
