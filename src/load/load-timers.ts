import { jittered } from '../errors/retry-policy.ts';
import type { DelayedEvent } from './load-effect.ts';

/** The events that a load raises later, for itself. */
export class LoadTimers {
  readonly #raise: (event: DelayedEvent) => void;
  /** By timer: raises its event at once. */
  readonly #pauses = new Map<NodeJS.Timeout, () => void>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(raise: (event: DelayedEvent) => void) {
    this.#raise = raise;
  }

  /** Raises the event after `ms`. The pause before another attempt is jittered, and `endPauses` ends it. */
  later(ms: number, event: DelayedEvent): void {
    const isPause = event.kind === 'effect-due' || event.kind === 'file-due';
    const raise = () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
      this.#pauses.delete(timer);
      this.#raise(event);
    };
    const timer = setTimeout(raise, isPause ? jittered(ms) : ms);
    this.#timers.add(timer);
    if (isPause) this.#pauses.set(timer, raise);
  }

  /** Raises at once what waits for another attempt. */
  endPauses(): void {
    for (const raise of [...this.#pauses.values()]) raise();
  }

  /** Raises nothing more. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
