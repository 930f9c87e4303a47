import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { asError } from '../errors/as-error.ts';
import { checkAllStored } from '../errors/rows-kept-out.ts';
import { CopyPartitioner } from './copy-partitioner.ts';
import { readNdjson } from './read-ndjson.ts';
import type { EncoderOptions, RowEncoder } from './row-encoder.ts';
import type { StageTimes } from './stage-times.ts';

export interface CopyRowsOptions {
  /** A `COPY … FROM STDIN (FORMAT binary)` whose columns fit the encoder's constants. */
  statement: string;
  encoder: EncoderOptions;
  signal: AbortSignal;
  /** Is added to. */
  times: StageTimes;
}

/**
 * Streams one file's bytes into a COPY on each of `clients`, usually one: gunzip → lines → rows → Postgres,
 * back-pressured all the way. With several, the rows are dealt to them, so that several backends work on the file.
 * When anything fails all of the COPYs are made to fail, so the transactions around them must be rolled back.
 * @param onStart gets the encoder, whose counters tell the progress
 * @throws LineError, GzipError, RowsKeptOut, what Postgres answers, what `bytes` throws, or the signal's reason
 */
export async function copyRows(
  clients: readonly pg.ClientBase[],
  bytes: AsyncIterable<Buffer>,
  { statement, encoder: options, signal, times }: CopyRowsOptions,
  onStart: (encoder: RowEncoder) => void,
): Promise<RowEncoder> {
  signal.throwIfAborted();
  const copies = clients.map((client) => client.query(copyFrom(statement, { highWaterMark: options.buffers.bytes })));
  const partitioner = new CopyPartitioner(options, copies, times);
  const { encoder } = partitioner;
  onStart(encoder);
  // Every COPY has its end awaited from the start: a failure of one must not go unnoticed while another is written to.
  const ends = copies.map((copy) => finished(copy));
  const failed = Promise.all(ends).then(() => new Promise<never>(() => {}));
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([dealAll(readNdjson(bytes, times, 'passing'), partitioner), failed, stopped.promise]);
    const sent = performance.now();
    await Promise.all(ends);
    times.postgresMs += performance.now() - sent;
    partitioner.reuseAll();
  } catch (error) {
    const reason = asError(error);
    for (const copy of copies) copy.destroy(reason);
    await Promise.allSettled(ends);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  checkAllStored(
    copies.reduce((sum, copy) => sum + (copy.rowCount ?? 0), 0),
    encoder.rows,
  );
  return encoder;
}

/** Ends, its sources with it, at the next chunk after the COPYs were closed: their own ends tell why. */
async function dealAll(chunks: AsyncIterable<Buffer>, partitioner: CopyPartitioner): Promise<void> {
  for await (const chunk of chunks) {
    if (partitioner.closed) return;
    await partitioner.write(chunk);
  }
  partitioner.end();
}
