import pg from 'pg';
import type { LineMap } from './line-map.ts';

/**
 * Which line of the file a Postgres error of a COPY speaks of. Postgres names the row in the error's context, as in
 * `COPY patient, line 3, column resource`; the words are translated by `lc_messages`, the order is not.
 * @returns the 1-based line, or undefined when the error names no row
 */
export function lineOfCopyError(error: unknown, lines: LineMap): number | undefined {
  if (!(error instanceof pg.DatabaseError) || error.where === undefined) return undefined;
  const context = error.where.split('\n').find((line) => line.startsWith('COPY ')) ?? '';
  const row = /\d+/.exec(context.slice(context.indexOf(', ')))?.[0];
  return row === undefined ? undefined : lines.lineOf(Number(row));
}
