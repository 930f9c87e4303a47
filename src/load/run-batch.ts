import { toFailure } from '../errors/failure.ts';
import type { BatchOutcome } from '../worker/batch-task.ts';
import type { LoadEffect } from './load-effect.ts';
import { logOutcome, objectOf, type RunFileDeps } from './run-file.ts';
import { transformOf } from './transform-of.ts';

/** Has a worker thread make one attempt at a batch of claimed files, and keeps log, metrics and progress. Never throws. */
export async function runBatch(
  { claimed, request }: Extract<LoadEffect, { kind: 'load-batch' }>,
  { workers, log, observer, progress, signal }: RunFileDeps,
): Promise<BatchOutcome> {
  const { source, write, bucket, maxErrors } = request;
  for (const _ of claimed) observer.onFileBegun(bucket);
  const outcome = await workers
    .runBatch(
      {
        bucket,
        source,
        transform: transformOf(write),
        maxErrors,
        requiresPrimaryKey: !write.dropPrimaryKey,
        files: claimed.map(objectOf),
      },
      { signal },
    )
    .catch((error: unknown): BatchOutcome => {
      log.error({ files: claimed.length, err: error }, 'a worker thread died');
      return { kind: 'retry', failure: { ...toFailure(error), transient: true } };
    });
  if (outcome.kind === 'retry') log.warn({ files: claimed.length, code: outcome.failure.code }, 'batch retry');
  for (const [place, { id, file }] of claimed.entries()) {
    const ended = outcome.kind === 'retry' ? outcome : outcome.files[place];
    if (ended === undefined) continue;
    if (outcome.kind !== 'retry') logOutcome(log, file.file ?? '', ended);
    if ('figures' in ended) {
      // Not before: what each replica publishes every second has all that have begun.
      progress.begin(id);
      observer.onProgress(bucket, progress.update(id, ended.figures));
      progress.end(id);
    }
    observer.onFileEnded(bucket, ended);
  }
  return outcome;
}
