import type pg from 'pg';
import type { Failure } from '../errors/failure.ts';
import { markFailed, markPending } from '../store/loader-file/finish-loader-file.ts';
import { TooEarlyError } from './file-references.ts';
import type { FileRows } from './file-rows.ts';
import type { FileOutcome } from './file-task.ts';

/**
 * What a file comes to whose rows are rolled back, and writes that into its LoaderFile, in the transaction that has it
 * locked.
 * @param isWorthAnotherWay whether the file is at once tried in another way; it stays `in-progress` then
 */
export async function concludeFailure(
  client: pg.ClientBase,
  id: string,
  error: unknown,
  rows: FileRows,
  { signal, isWorthAnotherWay }: { signal: AbortSignal; isWorthAnotherWay: (failure: Failure) => boolean },
): Promise<Extract<FileOutcome, { kind: 'stopped' | 'too-early' | 'retry' | 'failed' }>> {
  if (signal.aborted) {
    await markPending(client, id);
    return { kind: 'stopped' };
  }
  if (error instanceof TooEarlyError) {
    await markPending(client, id);
    return { kind: 'too-early' };
  }
  const failure = await rows.failureOf(error);
  if (isWorthAnotherWay(failure) || rows.lacksLine(failure)) return { kind: 'retry', failure };
  if (failure.transient) {
    await markPending(client, id, failure.message);
    return { kind: 'retry', failure };
  }
  await markFailed(client, id, failure.message, { source: failure.source, code: failure.code });
  await rows.recordBadLines(client);
  return { kind: 'failed', failure, figures: rows.figures() };
}
