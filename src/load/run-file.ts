import type { FastifyBaseLogger as Logger } from 'fastify';
import { toFailure } from '../errors/failure.ts';
import { stageOf } from '../fhir/reference-order.ts';
import type { ProgressLog } from '../progress/progress-log.ts';
import type { ObjectToRead } from '../source/object-source.ts';
import type { ClaimedFile } from '../store/loader-file/queue.ts';
import { writeModeOf } from '../target/write-mode.ts';
import type { LoadToResolve } from '../worker/file-references.ts';
import type { FileFigures, FileOutcome, FileProgress, FileTask } from '../worker/file-task.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';
import type { LoadEffect } from './load-effect.ts';
import type { LoadObserver } from './load-observer.ts';
import type { NumberedRequest } from './load-request.ts';
import type { ResolvingState } from './resolving-state.ts';
import { transformOf } from './transform-of.ts';

export interface RunFileDeps {
  workers: WorkerPool;
  log: Logger;
  observer: LoadObserver;
  progress: ProgressLog;
  /** Aborted: the file rolls back. */
  signal: AbortSignal;
}

/** Has a worker thread make one attempt at a claimed file, and keeps log, metrics and progress. Never throws. */
export async function runFile(
  { claimed, request, partitions, resolving, next }: Extract<LoadEffect, { kind: 'load-file' }>,
  { workers, log, observer, progress, signal }: RunFileDeps,
): Promise<FileOutcome> {
  const { source, write, bucket, maxErrors } = request;
  const object = objectOf(claimed);
  const { id, key, type } = object;
  const writeMode = writeModeOf(write, { key, type });
  const advance = (now: FileProgress) => observer.onProgress(bucket, progress.update(id, now));
  progress.begin(id);
  observer.onFileBegun(bucket);
  const outcome = await workers
    .run(
      {
        ...object,
        bucket,
        source,
        transform: transformOf(write),
        references:
          writeMode.kind !== 'delete' && write.resolveReferences ? loadToResolve(type, request, resolving) : undefined,
        writeMode,
        maxErrors,
        requiresPrimaryKey: !write.dropPrimaryKey,
        backends: partitions,
        next: next && objectToRead(next),
      },
      { signal, onProgress: advance },
    )
    .catch((error: unknown): FileOutcome => {
      // The worker thread died, out of memory for instance; its connection is gone and with it all of the file's rows.
      log.error({ file: key, err: error }, 'a worker thread died');
      return { kind: 'retry', failure: { ...toFailure(error), transient: true } };
    });
  logOutcome(log, key, outcome);
  if ('figures' in outcome) advance(outcome.figures);
  progress.end(id);
  observer.onFileEnded(bucket, outcome);
  return outcome;
}

/** The object that a claimed file is to be read from. */
export function objectOf({ id, file }: ClaimedFile): Pick<FileTask, 'id' | 'type' | keyof ObjectToRead> {
  const { file: key = '', type = '', size, etag, 'last-modified': lastModified } = file;
  return { id, type, ...objectToRead({ key, size, etag, lastModified }) };
}

function objectToRead({ key, size, etag, lastModified }: ListedTexts): ObjectToRead {
  // Others than this loader may have written it in a form of their own.
  const time = lastModified?.endsWith('Z') === true ? new Date(lastModified) : undefined;
  return { key, size, etag: etag ?? undefined, lastModified: time };
}

/** An object as the queue has it. */
interface ListedTexts {
  key: string;
  size: number | undefined;
  etag: string | null | undefined;
  lastModified: string | undefined;
}

function loadToResolve(
  type: string,
  { call }: NumberedRequest,
  { doneFiles, unfinishedTypes }: ResolvingState,
): LoadToResolve {
  return { call, doneFiles, expectedTypes: unfinishedTypes.filter((other) => stageOf(other) < stageOf(type)) };
}

/** Logs what became of a file, and nothing that it holds. */
export function logOutcome(log: Logger, key: string, outcome: FileOutcome): void {
  // Messages may quote a resource; the log gets the place and the code, the LoaderFile has the rest.
  const failure =
    'failure' in outcome
      ? { source: outcome.failure.source, code: outcome.failure.code, line: outcome.failure.line }
      : {};
  const figures: Partial<FileFigures> = 'figures' in outcome ? outcome.figures : {};
  const whole = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value)]));
  const incomplete = (figures.linesLeftOut ?? 0) > 0;
  const level = outcome.kind === 'failed' || outcome.kind === 'retry' || incomplete ? 'warn' : 'info';
  log[level]({ file: key, ...whole, ...failure }, `file ${outcome.kind}`);
}
