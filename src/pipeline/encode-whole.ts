import { type CopyFormat, FILE_HEADER, FILE_TRAILER } from './copy-row-writer.ts';
import type { KeptRows } from './kept-rows.ts';
import { type EncoderOptions, RowEncoder } from './row-encoder.ts';

/** All rows of a small file, encoded. */
export interface EncodedRows {
  readonly format: CopyFormat;
  /** In COPY's form, without what opens and closes a stream. */
  readonly bytes: readonly Buffer[];
  readonly rows: number;
  /** Of ndjson. */
  readonly bytesIn: number;
  readonly busyMs: number;
}

/**
 * Encodes a small file, all of it in memory.
 * @param kept takes its rows
 * @throws LineError at its first bad line
 */
export function encodeWhole(ndjson: Buffer, options: EncoderOptions, kept: KeptRows): EncodedRows {
  const bytes: Buffer[] = [];
  const { format = 'binary' } = options;
  // The header stands in one chunk with the first row, and so does the trailer with the last, or alone.
  let skip = format === 'binary' ? FILE_HEADER.length : 0;
  let last: { chunk: Buffer; reuse: () => void } | undefined;
  const keepLast = (trailerBytes: number) => {
    if (last === undefined) return;
    const { chunk, reuse } = last;
    bytes.push(...kept.keep(chunk.subarray(skip, chunk.length - trailerBytes)));
    skip = 0;
    reuse();
  };
  const encoder = new RowEncoder(options, [
    (chunk, reuse) => {
      keepLast(0);
      last = { chunk, reuse };
    },
  ]);
  encoder.write(ndjson);
  encoder.end();
  keepLast(format === 'binary' ? FILE_TRAILER.length : 0);
  const { rows, bytesIn, busyMs } = encoder;
  return { format, bytes, rows, bytesIn, busyMs };
}
