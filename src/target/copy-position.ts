import pg from 'pg';
import { maySpeakOfWorker } from '../errors/worker-error.ts';

/**
 * The row of a COPY that a Postgres error refers to. Postgres names it in the error's context, as in
 * `COPY patient, line 3, column resource`; the words are translated by `lc_messages`, the order is not.
 * @param statement the COPY. On a node of Citus another one may be meant, of a shard of its own, whose lines are not the file's
 * @returns the 1-based row, or undefined when the error names none that can be relied on
 */
export function rowOfCopyError(error: unknown, statement: string): number | undefined {
  if (!(error instanceof pg.DatabaseError) || error.where === undefined) return undefined;
  if (maySpeakOfWorker(error.code ?? '')) return undefined;
  const context = error.where.split('\n').find((line) => line.startsWith('COPY ')) ?? '';
  const table = context.slice('COPY '.length, context.indexOf(', '));
  if (table === '' || !statement.includes(table)) return undefined;
  const row = /\d+/.exec(context.slice(context.indexOf(', ')))?.[0];
  return row === undefined ? undefined : Number(row);
}
