import type { Failure } from '../errors/failure.ts';
import type { ObjectToRead } from '../source/object-source.ts';
import type { FileOutcome, FileTask } from './file-task.ts';

/** One of the files of a batch. */
export interface BatchFile extends ObjectToRead {
  /** The LoaderFile's id. */
  id: string;
  type: string;
}

/** Claimed small files whose rows are plainly inserted, in one transaction. Plain data, and a port for `'stop'`. */
export interface BatchTask
  extends Pick<FileTask, 'bucket' | 'source' | 'transform' | 'requiresPrimaryKey' | 'maxErrors' | 'port'> {
  files: readonly BatchFile[];
}

export type BatchOutcome =
  /** What became of each file, in their order. */
  | { kind: 'batch'; files: readonly FileOutcome[] }
  /** No row stayed, as far as is known; all files are still to be loaded. */
  | { kind: 'retry'; failure: Failure };
