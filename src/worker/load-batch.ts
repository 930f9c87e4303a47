import type pg from 'pg';
import { asError } from '../errors/as-error.ts';
import { toFailure } from '../errors/failure.ts';
import { BatchAttempt, type BatchEnd } from './batch-attempt.ts';
import type { BatchOutcome, BatchTask } from './batch-task.ts';
import type { FileOutcome } from './file-task.ts';
import { loadFile } from './load-file.ts';
import type { LoadFileOptions } from './load-file-options.ts';

/**
 * Loads claimed small files in one transaction: the locks on their LoaderFiles, their rows, counts and `done` commit together,
 * or none of it does. A file that cannot be loaded so, for whatever reason, is left out, and loaded by itself afterwards, so
 * that what is wrong with it is found, and recorded, in the same way as of any other file.
 * Never throws: whatever happens is an outcome.
 */
export async function loadBatch(task: Omit<BatchTask, 'port'>, options: LoadFileOptions): Promise<BatchOutcome> {
  const ended = await loadTogether(task, options);
  if ('failure' in ended) return { kind: 'retry', failure: ended.failure };
  const { files: _, ...common } = task;
  const files: FileOutcome[] = [];
  for (const [place, file] of task.files.entries()) {
    const outcome = ended.files[place] ?? 'alone';
    const single = {
      ...common,
      ...file,
      references: undefined,
      writeMode: { kind: 'insert' },
      backends: 1,
      next: undefined,
    } as const;
    files.push(outcome === 'alone' ? await loadFile(single, options) : outcome);
  }
  return { kind: 'batch', files };
}

async function loadTogether(task: Omit<BatchTask, 'port'>, options: LoadFileOptions): Promise<BatchEnd> {
  let client: pg.PoolClient;
  try {
    client = await options.pool.connect();
  } catch (error) {
    return { failure: toFailure(error) };
  }
  const attempt = new BatchAttempt(task, options);
  try {
    const ended = await attempt.run(client);
    client.release();
    return ended;
  } catch (error) {
    client.release(asError(error));
    return await attempt.afterFailedCommit(asError(error));
  }
}
