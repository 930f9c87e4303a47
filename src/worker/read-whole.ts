import type { CopyFormat } from '../pipeline/copy-row-writer.ts';
import { encodeWhole } from '../pipeline/encode-whole.ts';
import { freeBuffer } from '../pipeline/free-buffer.ts';
import type { KeptRows } from '../pipeline/kept-rows.ts';
import { SPARE_BYTES, unpackWhole } from '../pipeline/unpack-whole.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import type { BatchRows } from '../target/batch-copy.ts';
import { InsertTarget } from '../target/insert-target.ts';
import type { BatchFile, BatchTask } from './batch-task.ts';
import type { FileFigures } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

/** Longest small file, unpacked, in bytes: what the one that is being encoded may take. */
const MOST_UNPACKED_BYTES = 1024 * 1024;

/** A small file as the source has it, all of it in memory. */
export interface FetchedFile extends Pick<FileFigures, 'resumes' | 's3Ms'> {
  readonly packed: Buffer;
}

/** A file of a batch, encoded for its table. */
export interface WholeFile extends BatchRows {
  readonly id: string;
  readonly figures: Omit<FileFigures, 'totalMs' | 'postgresMs'>;
}

export interface EncodeFetchedOptions extends Pick<BatchTask, 'transform'> {
  table: ResourceTable;
  /** How rows are sent to it. */
  format: CopyFormat;
  /** The file's number. */
  txid: bigint;
  /** Where rows bring a `ts` of their own: that of those which do not. */
  defaultTs: bigint | undefined;
  /** Takes its rows. */
  kept: KeptRows;
}

/**
 * Reads a whole small file.
 * @param signal aborting it ends the reading
 * @throws what the source does; the signal's reason
 */
export async function fetchWhole(
  file: BatchFile,
  { source }: Pick<LoadFileOptions, 'source'>,
  signal: AbortSignal,
): Promise<FetchedFile> {
  const object = source.open(file, signal);
  const chunks: Buffer[] = [];
  for await (const chunk of object.read()) chunks.push(chunk);
  const [first] = chunks;
  const packed = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
  const { resumes, waitMs: s3Ms } = object;
  return { packed, resumes, s3Ms };
}

/**
 * Unpacks and encodes a small file that has been read, whose bytes are gone then.
 * @throws what is wrong with it, which is said better by reading it as a stream
 */
export async function encodeFetched(
  { id, type }: BatchFile,
  { packed, resumes, s3Ms }: FetchedFile,
  { table, format, txid, defaultTs, kept, transform }: EncodeFetchedOptions,
  { maxLineBytes, buffers, transforms }: LoadFileOptions,
): Promise<WholeFile> {
  const started = performance.now();
  const ndjson = await unpackWhole(packed, MOST_UNPACKED_BYTES);
  const gunzipMs = performance.now() - started;
  const bytes = packed.length;
  // It has been copied: left to V8, those of many files wait for a collection of its whole heap.
  freeBuffer(packed);
  const { statement, constants } = new InsertTarget(table, type, txid, defaultTs, {
    format,
    // As text it goes to Citus.
    checksTypes: format === 'binary',
  });
  const encoded = encodeWhole(
    ndjson,
    { transform: transforms.create(transform, type), constants, defaultTs, format, maxLineBytes, buffers },
    kept,
  );
  freeBuffer(ndjson, SPARE_BYTES);
  const { rows, bytesIn: rawBytes, busyMs: encodeMs } = encoded;
  const figures = { bytes, rows, linesLeftOut: 0, rawBytes, resumes, s3Ms, gunzipMs, encodeMs };
  return { id, statement, encoded, figures };
}
