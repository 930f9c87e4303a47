import { createInflateRaw } from 'node:zlib';
import { FileError } from '../errors/file-error.ts';
import type { Decoder } from './decoder.ts';
import { GzipDecoder } from './gzip-decoder.ts';
import type { StageTimes } from './stage-times.ts';
import { unpackByStream } from './unpack-by-stream.ts';
import { DirectUnpacker } from './unpack-directly.ts';
import { type ChunkBuffers, type ChunkMemory, createUnpacker } from './unpacker.ts';
import { ZlibDecoder } from './zlib-decoder.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** A compressed file whose bytes cannot be what was once compressed. */
export class DecompressError extends FileError {
  override readonly name = 'DecompressError';

  constructor(packing: 'gzip' | 'zstd', problem: string, options?: ErrorOptions) {
    super(`the ${packing} data ${problem}`, { source: 'aidbox', code: `bad-${packing}`, ...options });
  }
}

export interface DecompressOptions {
  /** Gets the time that unpacking took. */
  times: Pick<StageTimes, 'gunzipMs'>;
  memory: ChunkMemory;
  /** Whose buffer passing chunks lie in, one after another. */
  buffers?: ChunkBuffers | undefined;
}

/**
 * Unpacks gzip or zstd, all members or frames of it.
 * @throws DecompressError when the data is damaged or cut, or what `bytes` throws
 */
export async function* decompress(
  bytes: AsyncIterable<Buffer>,
  packing: 'gzip' | 'zstd',
  options: DecompressOptions,
): AsyncGenerator<Buffer> {
  const input = new PackedBytes(bytes, packing);
  const unpacker = createUnpacking(packing, options);
  try {
    yield* unpacker.unpack(input.chunks());
  } catch (error) {
    throw toDecompressError(error, packing);
  }
  input.checkAllUnpacked(unpacker.taken);
}

interface Unpacking {
  unpack(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  /** Packed bytes that were unpacked. */
  readonly taken: number;
}

function createUnpacking(packing: 'gzip' | 'zstd', options: DecompressOptions): Unpacking {
  const decoder = createDecoder(packing, options);
  if (decoder !== undefined) return new DirectUnpacker(decoder, options);
  const unpacker = createUnpacker(packing);
  return {
    unpack: (pieces) => unpackByStream(pieces, unpacker, options),
    get taken() {
      return unpacker.bytesWritten;
    },
  };
}

/** @returns undefined where this Node has its streams made otherwise */
function createDecoder(packing: 'gzip' | 'zstd', { memory, buffers }: DecompressOptions): Decoder | undefined {
  const crc32 = packing === 'gzip' && memory === 'passing' ? buffers?.crc32 : undefined;
  return crc32 === undefined
    ? ZlibDecoder.of(createUnpacker(packing), packing)
    : GzipDecoder.of(createInflateRaw(), crc32);
}

/** The packed bytes, with an account of the last. */
class PackedBytes {
  readonly #bytes: AsyncIterable<Buffer>;
  readonly #packing: 'gzip' | 'zstd';
  readonly #frames = new ZstdFrames();
  #taken = 0;
  /** Offset just past the last byte that is not zero. */
  #meaningful = 0;

  constructor(bytes: AsyncIterable<Buffer>, packing: 'gzip' | 'zstd') {
    this.#bytes = bytes;
    this.#packing = packing;
  }

  async *chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#bytes) {
      this.#take(chunk);
      if (this.#packing === 'gzip') yield chunk;
      else yield* this.#frames.cut(chunk);
    }
  }

  #take(chunk: Buffer): void {
    let last = chunk.length;
    while (last > 0 && chunk[last - 1] === 0) last--;
    if (last > 0) this.#meaningful = this.#taken + last;
    this.#taken += chunk.length;
  }

  /** zlib ends at a zero byte after a member and ignores what follows, which would lose the rows of a later member. */
  checkAllUnpacked(unpacked: number): void {
    if (this.#packing === 'zstd' && this.#frames.isInside) throw cutShort('zstd');
    const due = this.#packing === 'gzip' ? this.#meaningful : this.#taken;
    if (due <= unpacked) return;
    throw new DecompressError(this.#packing, `ends at byte ${unpacked}, but more than zero padding follows it`);
  }
}

function cutShort(packing: 'gzip' | 'zstd', options?: ErrorOptions): DecompressError {
  const unit = packing === 'gzip' ? 'member' : 'frame';
  return new DecompressError(packing, `is cut short: it ends inside a ${unit}`, options);
}

function toDecompressError(error: unknown, packing: 'gzip' | 'zstd'): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { code } = error;
  if (code === 'Z_BUF_ERROR') return cutShort(packing, { cause: error });
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    return new DecompressError(packing, 'has a window above 128 MB; pack it again with --long=27 or less', {
      cause: error,
    });
  }
  return /^(Z_|ZSTD_)/.test(code)
    ? new DecompressError(packing, `is damaged: ${error.message}`, { cause: error })
    : error;
}
