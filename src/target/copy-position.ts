import pg from 'pg';
import { maySpeakOfWorker } from '../errors/worker-error.ts';

/**
 * The row of a COPY that a Postgres error refers to. Postgres names it in the error's context, as in
 * `COPY patient, line 3, column resource`; the words are translated by `lc_messages`, the order is not.
 * @returns the 1-based row, or undefined when the error names none that can be relied on
 */
export function rowOfCopyError(error: unknown): number | undefined {
  if (!(error instanceof pg.DatabaseError) || error.where === undefined) return undefined;
  if (maySpeakOfWorker(error.code ?? '')) return undefined;
  const context = error.where.split('\n').find((line) => line.startsWith('COPY ')) ?? '';
  const row = /\d+/.exec(context.slice(context.indexOf(', ')))?.[0];
  return row === undefined ? undefined : Number(row);
}
