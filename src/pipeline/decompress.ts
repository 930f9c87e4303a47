import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { FileError } from '../errors/file-error.ts';
import { type StageTimes, Stopwatch } from './stage-times.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** Output buffers: 1 MiB costs a quarter of the CPU time of Node's 16 KiB (measured with gunzip: 0.5 against 1.9 s). */
const OUTPUT_CHUNK_BYTES = 1 << 20;

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
  /** `passing`: a chunk may be read until the next one is asked for, and then its memory is gone. */
  memory: 'lasting' | 'passing';
}

/**
 * Unpacks gzip or zstd, all members or frames of it.
 * @throws DecompressError when the data is damaged or cut, or what `bytes` throws
 */
export async function* decompress(
  bytes: AsyncIterable<Buffer>,
  packing: 'gzip' | 'zstd',
  { times, memory }: DecompressOptions,
): AsyncGenerator<Buffer> {
  const input = new PackedBytes(bytes, packing);
  const unpacker = packing === 'gzip' ? createGunzip(STREAM_OPTIONS) : createZstdDecompress(STREAM_OPTIONS);
  const work = watchWork(unpacker);
  // A loop over the unpacker itself would get all that is ready copied into one buffer, whose memory is another one's.
  const single = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const feeding = pipeline(Readable.from(input.chunks(), { highWaterMark: 4 }), unpacker, single);
  // Its error, if any, also ends the loop below; without this it would count as unhandled meanwhile.
  feeding.catch(() => {});
  try {
    // Only while the next chunk is wanted: at other times the unpacker may stand still for a full buffer.
    let before = work.ms;
    const output = new UnpackedOutput();
    for await (const chunk of single) {
      times.gunzipMs += work.ms - before;
      if (memory === 'passing') output.next(chunk);
      yield chunk;
      before = work.ms;
    }
    await feeding;
    output.end();
  } catch (error) {
    throw toDecompressError(error, packing);
  }
  input.checkAllUnpacked(unpacker);
}

const STREAM_OPTIONS = { chunkSize: OUTPUT_CHUNK_BYTES };

/**
 * Frees the unpacker's output buffers as soon as they have been read. Left to the garbage collector they pile up (40 MB
 * more at four files at a time) and make it run the more often: 0.4 CPU s per GB.
 */
class UnpackedOutput {
  #memory: ArrayBufferLike | undefined;

  /** The chunk before this one has been read. The unpacker writes on into a buffer until it is full, then takes another. */
  next(chunk: Buffer): void {
    const read = this.#memory;
    this.#memory = chunk.buffer;
    if (read !== chunk.buffer) free(read);
  }

  /** All chunks have been read, and the unpacker has ended. */
  end(): void {
    free(this.#memory);
  }
}

function free(memory: ArrayBufferLike | undefined): void {
  // One of another size is not the unpacker's own, and may be shared.
  if (memory instanceof ArrayBuffer && memory.byteLength === OUTPUT_CHUNK_BYTES) memory.transfer(0);
}

/** Runs while the stream has a chunk to unpack. */
function watchWork(unpacker: Gunzip | ZstdDecompress): Stopwatch {
  const work = new Stopwatch();
  const transform = unpacker._transform.bind(unpacker);
  unpacker._transform = (chunk, encoding, done) => {
    work.start();
    transform(chunk, encoding, (...results) => {
      work.stop();
      done(...results);
    });
  };
  return work;
}

/** The packed bytes, with an account of the last. */
class PackedBytes {
  readonly #bytes: AsyncIterable<Buffer>;
  readonly #packing: 'gzip' | 'zstd';
  #taken = 0;
  /** Offset just past the last byte that is not zero. */
  #meaningful = 0;

  constructor(bytes: AsyncIterable<Buffer>, packing: 'gzip' | 'zstd') {
    this.#bytes = bytes;
    this.#packing = packing;
  }

  async *chunks(): AsyncGenerator<Buffer> {
    const frames = new ZstdFrames();
    for await (const chunk of this.#bytes) {
      this.#take(chunk);
      if (this.#packing === 'gzip') yield chunk;
      else yield* frames.cut(chunk);
    }
  }

  #take(chunk: Buffer): void {
    let last = chunk.length;
    while (last > 0 && chunk[last - 1] === 0) last--;
    if (last > 0) this.#meaningful = this.#taken + last;
    this.#taken += chunk.length;
  }

  /** zlib ends at a zero byte after a member and ignores what follows, which would lose the rows of a later member. */
  checkAllUnpacked({ bytesWritten }: Gunzip | ZstdDecompress): void {
    const due = this.#packing === 'gzip' ? this.#meaningful : this.#taken;
    if (due <= bytesWritten) return;
    throw new DecompressError(this.#packing, `ends at byte ${bytesWritten}, but more than zero padding follows it`);
  }
}

function toDecompressError(error: unknown, packing: 'gzip' | 'zstd'): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { code } = error;
  if (code === 'Z_BUF_ERROR') {
    const unit = packing === 'gzip' ? 'member' : 'frame';
    return new DecompressError(packing, `is cut short: it ends inside a ${unit}`, { cause: error });
  }
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    return new DecompressError(packing, 'has a window above 128 MB; pack it again with --long=27 or less', {
      cause: error,
    });
  }
  return /^(Z_|ZSTD_)/.test(code)
    ? new DecompressError(packing, `is damaged: ${error.message}`, { cause: error })
    : error;
}
