// @ts-check

// The page is in English, so its numbers are too.
const LOCALE = 'en-US';

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const percentage = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumSignificantDigits: 3 });

const UNITS = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'].map(
  (unit) => new Intl.NumberFormat(LOCALE, { style: 'unit', unit, maximumFractionDigits: 1 }),
);

/** @param {number} count */
export function formatCount(count) {
  return whole.format(count);
}

/** `12.3K`, for axes and rows. @param {number} count */
export function formatCompact(count) {
  return compact.format(count);
}

/** `12.3 MB`, in powers of 1,000. @param {number} bytes */
export function formatBytes(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length);
  // Intl has "4 byte" for bytes.
  return UNITS[power - 1]?.format(bytes / 1000 ** power) ?? `${whole.format(bytes)} B`;
}

/**
 * `42%`; 100% only when nothing is missing.
 * @param {number} done
 * @param {number} total
 */
export function formatShare(done, total) {
  if (total <= 0) return percentage.format(0);
  return percentage.format(done >= total ? 1 : Math.min(done / total, 0.99));
}

/** `1 file`, `2 files`, `2 indexes`. @param {number} count @param {string} noun @param {string} [plural] */
export function formatNumberOf(count, noun, plural = `${noun}s`) {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}
