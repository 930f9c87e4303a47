import { FileList } from '../store/loader-file/file-list.ts';
import type { QueuedFile } from '../store/loader-file/queue.ts';

/** How many files a claim is offered at once: enough to pass over what other replicas are loading. */
const OFFERED = 64;

/** The order of work of one load in this process. Immutable; the files themselves are shared, not copied. */
export interface FileQueue {
  /** In schedule order. */
  readonly files: FileList;
  /** Place of the next file to offer. */
  readonly at: number;
  /** Size of the files that have not been offered yet, in bytes of the objects. */
  readonly bytesLeft: number;
}

/** Nothing to offer. */
export const EMPTY_QUEUE: FileQueue = { files: FileList.EMPTY, at: 0, bytesLeft: 0 };

/** @param files in schedule order, without those in flight here */
export function queueOf(files: FileList): FileQueue {
  let bytesLeft = 0;
  for (let place = 0; place < files.length; place++) bytesLeft += files.sizeAt(place);
  return { files, at: 0, bytesLeft };
}

/** The files to offer to the next claim of one, in order; none when all have been offered. */
export function offer(queue: FileQueue): readonly QueuedFile[] {
  return [...filesFrom(queue, OFFERED)];
}

/** The files that come next, `most` of them at most. */
export function filesFrom({ files, at }: FileQueue, most: number): FileList {
  return files.slice(at, at + most);
}

/**
 * The queue after a claim: files before the taken one are finished or claimed elsewhere, as are all of them where none
 * was taken, or as many as could be.
 * @param offered the files that come next in this queue
 */
export function afterClaim(queue: FileQueue, offered: readonly QueuedFile[], taken: string | undefined): FileQueue {
  const count = taken === undefined ? offered.length : offered.findIndex(({ id }) => id === taken) + 1;
  const bytes = offered.slice(0, count).reduce((sum, file) => sum + file.size, 0);
  return { files: queue.files, at: queue.at + count, bytesLeft: queue.bytesLeft - bytes };
}

/** The queue without files that were claimed while the queue was being listed. */
export function without({ files, at }: FileQueue, ids: ReadonlySet<string>): FileQueue {
  return queueOf(files.slice(at).filter((file) => !ids.has(file.id)));
}

/** Whether a file of a type has not been offered yet. Stops at the first: over a load this costs one pass for each type. */
export function includesType({ files, at }: FileQueue, type: string): boolean {
  for (let place = at; place < files.length; place++) if (files.typeAt(place) === type) return true;
  return false;
}

/** Whether all files have been offered. */
export function isExhausted({ files, at }: FileQueue): boolean {
  return at >= files.length;
}
