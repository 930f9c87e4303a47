// @ts-check

// The page is in English, so its numbers are too.
const LOCALE = 'en-US';

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const percentage = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumSignificantDigits: 3 });
const time = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'medium', hourCycle: 'h23' });
const shortTime = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'short', hourCycle: 'h23' });

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'].map(
  (unit) => new Intl.NumberFormat(LOCALE, { style: 'unit', unit, maximumFractionDigits: unit === 'byte' ? 0 : 1 }),
);

/** @param {number} count */
export function formatCount(count) {
  return whole.format(count);
}

/** `12.3K`, for axes. @param {number} count */
export function formatCompact(count) {
  return compact.format(count);
}

/** `12.3 MB`, in powers of 1,000. @param {number} bytes */
export function formatBytes(bytes) {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  return UNITS[power]?.format(bytes / 1000 ** power) ?? `${bytes} byte`;
}

/**
 * `42 %`; 100 % only when nothing is missing.
 * @param {number} done
 * @param {number} total
 */
export function formatShare(done, total) {
  if (total <= 0) return percentage.format(0);
  return percentage.format(done >= total ? 1 : Math.min(done / total, 0.99));
}

/** `1 file`, `2 files`. @param {number} count @param {string} noun */
export function formatNumberOf(count, noun) {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `14:03:22`, by the reader's clock. @param {number} at ms since 1970 */
export function formatTime(at) {
  return time.format(at);
}

/**
 * `about 3 h 20 min left, until 14:23`; as coarse as such an estimate is.
 * @param {number} seconds
 * @param {number} now ms since 1970
 */
export function formatTimeLeft(seconds, now) {
  if (seconds < 60) return `about ${Math.max(seconds, 1)} s left`;
  const minutes = Math.round(seconds / 60);
  const span = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  if (minutes < 10) return `about ${span} left`;
  const sameDay = seconds < 12 * 3600;
  return `about ${span} left${sameDay ? `, until ${shortTime.format(now + seconds * 1000)}` : ''}`;
}
