import type { CopyFormat } from '../pipeline/copy-row-writer.ts';
import { encodeWhole } from '../pipeline/encode-whole.ts';
import { unpackWhole } from '../pipeline/unpack-whole.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import type { BatchRows } from '../target/batch-copy.ts';
import { InsertTarget } from '../target/insert-target.ts';
import type { BatchFile, BatchTask } from './batch-task.ts';
import type { FileFigures } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

/** Longest small file, unpacked, in bytes: what each that is being read may take. */
const MOST_UNPACKED_BYTES = 1024 * 1024;

/** A file of a batch, all of it in memory, encoded for its table. */
export interface WholeFile extends BatchRows {
  readonly id: string;
  readonly figures: Omit<FileFigures, 'totalMs' | 'postgresMs'>;
}

export interface ReadWholeOptions extends Pick<BatchTask, 'transform'> {
  table: ResourceTable;
  /** How rows are sent to it. */
  format: CopyFormat;
  /** The file's number. */
  txid: bigint;
  /** Where rows bring a `ts` of their own: that of those which do not. */
  defaultTs: bigint | undefined;
  /** Aborting it ends the reading. */
  signal: AbortSignal;
}

/**
 * Reads and encodes a whole small file.
 * @throws what is wrong with it, which is said better by reading it as a stream; what the source does
 */
export async function readWhole(
  file: BatchFile,
  { table, format, txid, defaultTs, transform, signal }: ReadWholeOptions,
  { source, maxLineBytes, buffers, transforms }: LoadFileOptions,
): Promise<WholeFile> {
  const object = source.open(file, signal);
  const chunks: Buffer[] = [];
  for await (const chunk of object.read()) chunks.push(chunk);
  const [first] = chunks;
  const packed = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
  const started = performance.now();
  const ndjson = await unpackWhole(packed, MOST_UNPACKED_BYTES);
  const gunzipMs = performance.now() - started;
  const { statement, constants } = new InsertTarget(table, file.type, txid, defaultTs, format);
  const encoded = encodeWhole(ndjson, {
    transform: transforms.create(transform, file.type),
    constants,
    defaultTs,
    format,
    maxLineBytes,
    buffers,
  });
  const { bytes, resumes, waitMs: s3Ms } = object;
  const { rows, bytesIn: rawBytes, busyMs: encodeMs } = encoded;
  const figures = { bytes, rows, linesLeftOut: 0, rawBytes, resumes, s3Ms, gunzipMs, encodeMs };
  return { id: file.id, statement, encoded, figures };
}
