import type pg from 'pg';
import { asError } from '../errors/as-error.ts';
import { readNdjson } from '../pipeline/read-ndjson.ts';
import type { CopyRowsOptions } from './copy-rows-options.ts';
import { LenientCopy } from './lenient-copy.ts';
import type { RowCopy } from './row-copy.ts';
import { StreamedCopy } from './streamed-copy.ts';
import { UnstoredCopy } from './unstored-copy.ts';

/**
 * Streams one file's bytes into a COPY on each of `clients`, usually one: gunzip → lines → rows → Postgres,
 * back-pressured all the way. With several, the rows are split across them, so that several backends work on the file.
 * When anything fails all of the COPYs are made to fail, so the transactions around them must be rolled back.
 * @param onStart gets the copy, which counts its progress
 * @throws LineError, TooManyBadLines, DecompressError, FormatError, RowsKeptOut, what Postgres answers or `bytes` throws,
 * or the signal's reason
 */
export async function copyRows(
  clients: readonly [pg.ClientBase, ...pg.ClientBase[]],
  bytes: AsyncIterable<Buffer>,
  options: CopyRowsOptions,
  onStart: (copy: RowCopy) => void,
): Promise<RowCopy> {
  const { signal } = options;
  signal.throwIfAborted();
  const copy = createCopy(clients, options);
  onStart(copy);
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([
      writeAll(copy, readNdjson(bytes, options.times, copy.memory, options.encoder.buffers), options),
      copy.failed,
      stopped.promise,
    ]);
  } catch (error) {
    await copy.abort(asError(error));
    signal.throwIfAborted();
    throw error;
  } finally {
    options.lineMemory?.release();
    signal.removeEventListener('abort', stop);
  }
  return copy;
}

function createCopy(clients: readonly [pg.ClientBase, ...pg.ClientBase[]], options: CopyRowsOptions): RowCopy {
  const { maxErrors = 0, lookUp } = options;
  if (maxErrors === 0 && lookUp === undefined) return new StreamedCopy(clients, options);
  if (clients.length > 1) throw new RangeError('bad lines can be left out, and rows looked up, with one client only');
  if (lookUp === undefined) return new LenientCopy(clients[0], options, maxErrors);
  if (maxErrors > 0) throw new RangeError('rows cannot be looked up where bad lines may be left out');
  return new UnstoredCopy(clients[0], options, lookUp);
}

async function writeAll(
  copy: RowCopy,
  chunks: AsyncIterable<Buffer>,
  { lookAhead, lineMemory }: CopyRowsOptions,
): Promise<void> {
  let writing = Promise.resolve();
  for await (const chunk of chunks) {
    if (lookAhead === undefined) await copy.write(chunk);
    else {
      // Postgres takes the rows of the chunk before meanwhile; this one's are encoded before `write` waits for anything.
      await Promise.all([lookAhead(chunk), writing]);
      writing = copy.write(chunk);
      writing.catch(() => {});
    }
    await lineMemory?.hold(copy.pendingBytes);
  }
  await writing;
  await copy.end();
}
