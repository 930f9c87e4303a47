/** FHIR's type instant: a date, a time with seconds, and a zone (R5, 2.1.28.0.1). */
const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

/** Microseconds of a FHIR instant since 2000-01-01, as Postgres counts; undefined where the text is not one. */
export function instantMicros(text: string): bigint | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const fraction = match[7] ?? '';
  const zoneMinutes = match[8] === undefined ? 0 : Number(match[9]) * 60 + Number(match[10]);
  if (year === 0 || hour > 23 || minute > 59 || second > 60 || zoneMinutes > 14 * 60 || Number(match[10] ?? 0) > 59) {
    return undefined;
  }
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // A day that the month does not have would have moved to the next month.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const ms = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
  const zoneMs = (match[8] === '-' ? -1 : 1) * zoneMinutes * 60_000;
  // One digit more than Postgres keeps, to round by.
  const tenths = Number(fraction.slice(0, 7).padEnd(7, '0'));
  return BigInt(ms - zoneMs - POSTGRES_EPOCH_MS) * 1000n + BigInt(Math.round(tenths / 10));
}

/** Microseconds since 2000-01-01 as the text of a timestamptz that Postgres reads whatever its settings are. */
export function instantText(micros: bigint): string {
  const since1970 = micros + BigInt(POSTGRES_EPOCH_MS) * 1000n;
  const fraction = ((since1970 % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((since1970 - fraction) / 1000n));
  const year = date.getUTCFullYear();
  // 1 BC is the year 0 of JS, which Postgres does not have; a zone can move an instant there.
  const years = String(year > 0 ? year : 1 - year).padStart(4, '0');
  const rest = date.toISOString().slice(-'-01-01T00:00:00.000Z'.length, -'.000Z'.length);
  return `${years}${rest}.${String(fraction).padStart(6, '0')}Z${year > 0 ? '' : ' BC'}`;
}
