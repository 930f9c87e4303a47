import { type CopyFormat, FILE_HEADER, FILE_TRAILER } from './copy-row-writer.ts';
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

/** Encodes a small file, all of it in memory. @throws LineError at its first bad line */
export function encodeWhole(ndjson: Buffer, options: EncoderOptions): EncodedRows {
  const stream: Buffer[] = [];
  const encoder = new RowEncoder(options, [
    (chunk, reuse) => {
      stream.push(Buffer.from(chunk));
      reuse();
    },
  ]);
  encoder.write(ndjson);
  encoder.end();
  const { format = 'binary' } = options;
  const bytes = format === 'binary' ? withoutEnds(stream) : stream;
  const { rows, bytesIn, busyMs } = encoder;
  return { format, bytes: bytes.filter(({ length }) => length > 0), rows, bytesIn, busyMs };
}

function withoutEnds([first, ...others]: readonly Buffer[]): Buffer[] {
  if (first === undefined) throw new Error('an encoder ended without a stream');
  // The header stands in one chunk with the first row, and so does the trailer with the last, or alone.
  const bytes = [first.subarray(FILE_HEADER.length), ...others];
  const last = bytes.pop();
  if (last !== undefined) bytes.push(last.subarray(0, last.length - FILE_TRAILER.length));
  return bytes;
}
