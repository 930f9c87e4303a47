const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Shortest and longest pace, in ms: timers take no more than 24 days. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 7 * 86_400_000;

/** A pace, `30s`, `15m`, `1h`, `1d`, in ms; undefined for any other text, and for less than a second or more than a week. */
export function paceOf(every: string): number | undefined {
  const [, count = '', unit = ''] = /^([1-9]\d{0,5})([smhd])$/.exec(every) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? Number.NaN);
  return ms >= SHORTEST_MS && ms <= LONGEST_MS ? ms : undefined;
}

/** How long after the first failed listing the next one begins, in ms. */
const FIRST_RETRY_MS = 60_000;

/**
 * How long after the begin of a failed listing the next one begins, in ms: a minute, each time twice as long, and never longer
 * than the pace, so that a short failure of the store does not cost a day.
 * @param failures listings in a row that failed before this one
 */
export function waitAfterFailure(failures: number, everyMs: number): number {
  return Math.min(everyMs, FIRST_RETRY_MS * 2 ** failures);
}

/**
 * How long a replica that takes a watch up waits for its next listing, in ms. By the database's clock, which may have been set
 * back or forward meanwhile: never longer than the pace.
 */
export function waitOnTakeover(dueInMs: number, everyMs: number): number {
  return Math.min(Math.max(dueInMs, 0), everyMs);
}
