import type pg from 'pg';
import type { Failure } from '../errors/failure.ts';
import { sqlstateOf } from '../errors/sqlstate.ts';
import { markFailed, markPending } from '../store/loader-file/finish-loader-file.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import { shapeProblems, UnfitTable } from '../store/table-shape.ts';
import { TooEarlyError } from './file-references.ts';
import type { FileRows } from './file-rows.ts';
import type { FileOutcome } from './file-task.ts';

/**
 * What a file comes to whose rows are rolled back, and writes that into its LoaderFile, in the transaction that has it
 * locked.
 * @param table undefined where the lines name the tables
 * @param isWorthAnotherWay whether the file is at once tried in another way; it stays `in-progress` then
 */
export async function concludeFailure(
  client: pg.ClientBase,
  id: string,
  error: unknown,
  rows: FileRows,
  {
    table,
    signal,
    isWorthAnotherWay,
  }: { table: ResourceTable | undefined; signal: AbortSignal; isWorthAnotherWay: (failure: Failure) => boolean },
): Promise<Extract<FileOutcome, { kind: 'stopped' | 'too-early' | 'retry' | 'failed' }>> {
  if (signal.aborted) {
    await markPending(client, id);
    return { kind: 'stopped' };
  }
  if (error instanceof TooEarlyError) {
    await markPending(client, id);
    return { kind: 'too-early' };
  }
  const failure = await rows.failureOf((await unfitnessBehind(client, table, error)) ?? error);
  if (isWorthAnotherWay(failure) || rows.lacksLine(failure)) return { kind: 'retry', failure };
  if (failure.transient) {
    await markPending(client, id, failure.message);
    return { kind: 'retry', failure };
  }
  await markFailed(client, id, failure.message, { source: failure.source, code: failure.code });
  await rows.recordBadLines(client);
  return { kind: 'failed', failure, figures: rows.figures() };
}

/**
 * What a table that was altered answers to the loader's statements: undefined_function (an operator too), datatype_mismatch,
 * undefined_column; and to its COPY, whose values are in binary form: invalid_binary_representation (of another width), protocol_violation.
 */
const OF_COLUMNS = new Set(['42883', '42804', '42703', '22P03', '08P01']);

/** What is wrong with the table, where Postgres refused a statement for its columns; the look before the load has passed it. */
async function unfitnessBehind(
  client: pg.ClientBase,
  table: ResourceTable | undefined,
  error: unknown,
): Promise<UnfitTable | undefined> {
  if (table === undefined || !OF_COLUMNS.has(sqlstateOf(error) ?? '')) return undefined;
  const problems = await shapeProblems(client, table);
  return problems.length === 0 ? undefined : new UnfitTable(table, problems);
}
