// @ts-check

const LOCALE = 'en-US';

const time = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'medium', hourCycle: 'h23' });
const shortTime = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'short', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(LOCALE, { month: 'short', day: 'numeric' });
const dayOfYear = new Intl.DateTimeFormat(LOCALE, { month: 'short', day: 'numeric', year: 'numeric' });

/** `14:03:22`, by the reader's clock. @param {number} at ms since 1970 */
export function formatTime(at) {
  return time.format(at);
}

/**
 * `14:03` of today, `Nov 20, 14:03` of another day, `Nov 20, 2025` of another year.
 * @param {number} at ms since 1970
 * @param {number} now ms since 1970
 */
export function formatWhen(at, now) {
  const [then, today] = [new Date(at), new Date(now)];
  if (then.toDateString() === today.toDateString()) return shortTime.format(at);
  if (then.getFullYear() !== today.getFullYear()) return dayOfYear.format(at);
  return formatDayTime(at);
}

/** `Nov 20, 14:03`. @param {number} at ms since 1970 */
export function formatDayTime(at) {
  return `${day.format(at)}, ${shortTime.format(at)}`;
}

/** `Nov 20, 2026, 14:03:22`. @param {number} at ms since 1970 */
export function formatMoment(at) {
  return `${dayOfYear.format(at)}, ${time.format(at)}`;
}

/** `0.4 s` where whole seconds say too little, else as `formatSpan`. @param {number} seconds */
export function formatExactSpan(seconds) {
  return seconds < 9.95 ? `${Number(Math.max(seconds, 0.1).toFixed(1))} s` : formatSpan(seconds);
}

/** `8 s`, `3 min 20 s`, `2 h 5 min`. @param {number} seconds */
export function formatSpan(seconds) {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 60) return `${rounded} s`;
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return `${minutes} min ${rounded % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `20 min`, as coarse as an estimate is. @param {number} seconds */
export function formatEstimate(seconds) {
  if (seconds < 60) return `${Math.max(Math.round(seconds), 1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * `about 3 h 20 min left, until 14:23`.
 * @param {number} seconds
 * @param {number} now ms since 1970
 */
export function formatTimeLeft(seconds, now) {
  const left = `about ${formatEstimate(seconds)} left`;
  const needsClock = seconds >= 600 && seconds < 12 * 3600;
  return needsClock ? `${left}, until ${shortTime.format(now + seconds * 1000)}` : left;
}
