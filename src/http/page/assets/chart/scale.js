// @ts-check

/** Round steps of an axis of numbers. */
const STEPS = [1, 2, 2.5, 5, 10];

/** Round steps of an axis of time, in seconds. */
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/**
 * Round values from 0 to above the highest one.
 * @param {number} highest
 * @param {number} count about how many lines
 */
export function ticksUpTo(highest, count) {
  if (highest <= 0) return [0, 1];
  const rough = highest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((each) => each * power >= rough) ?? 10) * power;
  const lines = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: lines + 1 }, (_, line) => line * step);
}

/**
 * Round moments of the reader's clock within a span of time.
 * @param {number} from ms since 1970
 * @param {number} until
 * @param {number} count at most how many
 */
export function momentsWithin(from, until, count) {
  const seconds = (until - from) / 1000;
  const days = Math.ceil(seconds / 86_400 / count) * 86_400;
  const step = (SECONDS.find((each) => seconds / each <= count) ?? days) * 1000;
  // Round by the reader's clock, not by UTC's.
  const shift = new Date(from).getTimezoneOffset() * 60_000;
  const moments = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= until; at += step) moments.push(at);
  return moments;
}
