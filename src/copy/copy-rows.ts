import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { NdjsonEncoder } from './ndjson-encoder.ts';
import { readNdjson } from './read-ndjson.ts';
import type { EncoderOptions } from './row-encoder.ts';
import { type StageTimes, Stopwatch } from './stage-times.ts';

export interface CopyRows {
  /** A `COPY … FROM STDIN (FORMAT binary)` whose columns fit the encoder's constants. */
  statement: string;
  encoder: EncoderOptions;
  signal: AbortSignal;
  /** Is added to. */
  times: StageTimes;
}

/**
 * Streams one file's bytes into one COPY on `client`: gunzip → lines → rows → Postgres, back-pressured all the way.
 * When anything fails the COPY is made to fail as well, so the transaction around it must be rolled back.
 * @param onStart gets the encoder, whose counters tell the progress
 * @throws LineError, GzipError, CopyError, what `bytes` throws, or the signal's reason
 */
export async function copyRows(
  client: pg.ClientBase,
  bytes: AsyncIterable<Buffer>,
  { statement, encoder: options, signal, times }: CopyRows,
  onStart: (encoder: NdjsonEncoder) => void,
): Promise<NdjsonEncoder> {
  const encoder = new NdjsonEncoder(options);
  onStart(encoder);
  const copy = client.query(copyFrom(statement, { highWaterMark: options.chunkBytes }));
  const waiting = new Stopwatch();
  // A pipe pauses its source when the sink is full; what follows the last row is Postgres's work alone.
  encoder.on('pause', () => waiting.start()).on('end', () => waiting.start());
  copy.on('drain', () => waiting.stop());
  try {
    await pipeline(Readable.from(readNdjson(bytes, times), { highWaterMark: 2 }), encoder, copy, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    times.postgresMs += waiting.ms;
  }
  if (copy.rowCount !== encoder.rows) {
    throw new Error(`COPY took ${copy.rowCount} of ${encoder.rows} rows`);
  }
  return encoder;
}
