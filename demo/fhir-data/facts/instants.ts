const DAY_MS = 86_400_000;

/** The data ends here whatever the clock says: the generator must give the same bytes tomorrow. */
export const DATA_END = Date.UTC(2024, 11, 31);

/** A FHIR dateTime in the zone of the demo population: "2014-05-18T01:06:23-05:00". */
export function dateTime(epochMs: number): string {
  const offset = isSummer(epochMs) ? 5 : 6;
  return `${new Date(epochMs - offset * 3_600_000).toISOString().slice(0, 19)}-0${offset}:00`;
}

/** A FHIR instant, which has milliseconds. */
export function instant(epochMs: number): string {
  const text = dateTime(epochMs);
  return `${text.slice(0, 19)}${new Date(epochMs).toISOString().slice(19, 23)}${text.slice(19)}`;
}

/** A FHIR date: "1960-04-13". */
export function date(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

export function addDays(epochMs: number, days: number): number {
  return epochMs + days * DAY_MS;
}

/** Daylight saving time, near enough: April to October. */
function isSummer(epochMs: number): boolean {
  const month = new Date(epochMs).getUTCMonth();
  return month >= 3 && month <= 9;
}
