import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';

/** Node's own, as a stream. */
export type Unpacker = Gunzip | ZstdDecompress;

/**
 * Output buffers: as much as makes one COPY buffer, and stays in a core's cache until it is encoded. Measured from gzip to a Postgres that
 * throws all away: 1.6 CPU s per GB, with 64 KiB, 128 KiB and 1 MiB 2.2.
 */
export const UNPACKED_CHUNK_BYTES = 256 * 1024;

/** Whether a chunk may be read only until the next one is asked for: `passing`; then its memory is written to again. */
export type ChunkMemory = 'lasting' | 'passing';

/** CRC-32 of bytes that follow those whose CRC-32 is `before`; of none it is 0. */
export type Crc32 = (bytes: Buffer, before: number) => number;

/** Where buffers for passing chunks come from. */
export interface ChunkBuffers {
  take(): Buffer;
  giveBack(buffer: Buffer): void;
  /** Where there is one that takes less time than zlib's for bytes in such a buffer. */
  readonly crc32?: Crc32 | undefined;
}

/** For one file's bytes. What cannot be unpacked is an error of the stream. */
export function createUnpacker(packing: 'gzip' | 'zstd'): Unpacker {
  const options = { chunkSize: UNPACKED_CHUNK_BYTES };
  return packing === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
}
