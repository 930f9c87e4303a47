import { performance } from 'node:perf_hooks';

/** Time that a judgement is made of, in ms. */
const LEAST_MS = 300;

/** Part of it that the reader waited for bytes, and that the thread did nothing: then it is the network that is slow. */
const LEAST_WAIT = 0.6;
const LEAST_IDLE = 0.4;

/** Judges whether one connection is what a file's load waits for; not so where Postgres, or this thread, is busy. */
export class DownloadPace {
  #at = performance.now();
  #waitMs = 0;
  #loop = performance.eventLoopUtilization();

  /** @param waitMs time spent waiting for bytes since the object's start, in ms */
  isTooSlow(waitMs: number): boolean {
    const now = performance.now();
    const ms = now - this.#at;
    if (ms < LEAST_MS) return false;
    const wait = (waitMs - this.#waitMs) / ms;
    const loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop);
    this.#at = now;
    this.#waitMs = waitMs;
    this.#loop = loop;
    return wait >= LEAST_WAIT && 1 - utilization >= LEAST_IDLE;
  }
}
