import type { QueuedFile } from '../store/loader-file/queue.ts';
import { writeModeOf } from '../target/write-mode.ts';
import { type FileQueue, filesFrom } from './file-queue.ts';
import type { LoadRequest } from './load-request.ts';

/** Up to this size, in bytes of the object, a file costs less by its rows than by its transaction. */
const SMALL_BYTES = 64 * 1024;

/** Most files, and bytes of objects, of a batch: what a failure puts off, and what is in memory at once. */
const MOST_FILES = 256;
const MOST_BYTES = 2 * 1024 * 1024;

/** Fewer are loaded one by one: it takes moments, and each begins in its turn. */
const LEAST_FILES = 8;

/** So many batches are left for each slot, on any replica, when the queue comes to its end: no slot is idle for long. */
const BATCHES_PER_SLOT = 2;

/**
 * The files that come next in the queue and are loaded together, in one transaction: small ones, in a row, whose rows are
 * plainly inserted. None where they are only a few.
 * @param alone ids of files to be loaded by themselves: a batch that each was in has failed
 */
export function nextBatch(
  queue: FileQueue,
  { write, threadNum }: LoadRequest,
  alone: ReadonlyMap<string, unknown>,
): readonly QueuedFile[] {
  const left = queue.files.length - queue.at;
  const most = Math.min(MOST_FILES, Math.ceil(left / (threadNum * BATCHES_PER_SLOT)));
  if (write.resolveReferences || most < LEAST_FILES) return [];
  const batch: QueuedFile[] = [];
  let bytes = 0;
  for (const file of filesFrom(queue, most)) {
    bytes += file.size;
    // A size that nobody has written down may be any.
    const isSmall = file.size > 0 && file.size <= SMALL_BYTES && bytes <= MOST_BYTES;
    // Asked for only where there are any: a waiting file's id is read anew each time (`PackedFiles`).
    const isAlone = alone.size > 0 && alone.has(file.id);
    if (!isSmall || isAlone || writeModeOf(write, file).kind !== 'insert') break;
    batch.push(file);
  }
  return batch.length < LEAST_FILES ? [] : batch;
}
