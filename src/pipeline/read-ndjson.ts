import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { FileError } from '../errors/file-error.ts';
import { type StageTimes, Stopwatch } from './stage-times.ts';

/** Output buffers of gunzip: 1 MiB costs a quarter of the CPU time of Node's 16 KiB (measured: 0.5 against 1.9 s). */
const GUNZIP_CHUNK_BYTES = 1 << 20;

/** A compressed file whose bytes cannot be what was once compressed. */
export class GzipError extends FileError {
  override readonly name = 'GzipError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, { source: 'aidbox', code: 'bad-gzip', ...options });
  }
}

/**
 * Unpacks a file's bytes where they are gzip, told by their content and not by the file's name; all members of a
 * multi-member gzip are unpacked. An empty file gives nothing.
 * @param times gets the time that unpacking took
 * @param memory `passing`: a chunk may be read until the next one is asked for, and then its memory is gone
 * @throws GzipError when the data is damaged or cut, or what `bytes` throws
 */
export async function* readNdjson(
  bytes: AsyncIterable<Buffer>,
  times: Pick<StageTimes, 'gunzipMs'> = { gunzipMs: 0 },
  memory: 'lasting' | 'passing' = 'lasting',
): AsyncGenerator<Buffer> {
  const raw = new RawBytes(bytes);
  if (!(await raw.isGzip())) {
    yield* raw.chunks();
    return;
  }
  const gunzip = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES });
  const work = watchWork(gunzip);
  // A loop over gunzip itself would get all that is ready copied into one buffer, whose memory is another one's.
  const single = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const feeding = pipeline(Readable.from(raw.chunks(), { highWaterMark: 4 }), gunzip, single);
  // Its error, if any, also ends the loop below; without this it would count as unhandled meanwhile.
  feeding.catch(() => {});
  try {
    // Only while the next chunk is wanted: at other times gunzip may stand still for a full buffer.
    let before = work.ms;
    const output = new GunzipOutput();
    for await (const chunk of single) {
      times.gunzipMs += work.ms - before;
      if (memory === 'passing') output.next(chunk);
      yield chunk;
      before = work.ms;
    }
    await feeding;
    output.end();
  } catch (error) {
    throw toGzipError(error);
  }
  raw.checkAllUnpacked(gunzip);
}

/**
 * Frees gunzip's output buffers as soon as they have been read. Left to the garbage collector they pile up (40 MB more
 * at four files at a time) and make it run the more often: 0.4 CPU s per GB.
 */
class GunzipOutput {
  #memory: ArrayBufferLike | undefined;

  /** The chunk before this one has been read. Gunzip writes on into a buffer until it is full, then takes another. */
  next(chunk: Buffer): void {
    const read = this.#memory;
    this.#memory = chunk.buffer;
    if (read !== chunk.buffer) free(read);
  }

  /** All chunks have been read, and gunzip has ended. */
  end(): void {
    free(this.#memory);
  }
}

function free(memory: ArrayBufferLike | undefined): void {
  // One of another size is not gunzip's own, and may be shared.
  if (memory instanceof ArrayBuffer && memory.byteLength === GUNZIP_CHUNK_BYTES) memory.transfer(0);
}

/** Runs while the stream has a chunk to unpack. */
function watchWork(gunzip: Gunzip): Stopwatch {
  const work = new Stopwatch();
  const transform = gunzip._transform.bind(gunzip);
  gunzip._transform = (chunk, encoding, done) => {
    work.start();
    transform(chunk, encoding, (...results) => {
      work.stop();
      done(...results);
    });
  };
  return work;
}

/** The bytes of the file as stored, with a look at the first two and an account of the last. */
class RawBytes {
  readonly #bytes: AsyncIterator<Buffer>;
  #head: Buffer = Buffer.alloc(0);
  #taken = 0;
  /** Offset just past the last byte that is not zero. */
  #meaningful = 0;

  constructor(bytes: AsyncIterable<Buffer>) {
    this.#bytes = bytes[Symbol.asyncIterator]();
  }

  async isGzip(): Promise<boolean> {
    while (this.#head.length < 2) {
      const next = await this.#bytes.next();
      if (next.done === true) break;
      this.#head = Buffer.concat([this.#head, next.value]);
    }
    return this.#head[0] === 0x1f && this.#head[1] === 0x8b;
  }

  async *chunks(): AsyncGenerator<Buffer> {
    if (this.#head.length > 0) yield this.#take(this.#head);
    for await (const chunk of { [Symbol.asyncIterator]: () => this.#bytes }) yield this.#take(chunk);
  }

  #take(chunk: Buffer): Buffer {
    let last = chunk.length;
    while (last > 0 && chunk[last - 1] === 0) last--;
    if (last > 0) this.#meaningful = this.#taken + last;
    this.#taken += chunk.length;
    return chunk;
  }

  /** zlib ends at a zero byte after a member and ignores what follows, which would lose the rows of a later member. */
  checkAllUnpacked(gunzip: Gunzip): void {
    if (this.#meaningful <= gunzip.bytesWritten) return;
    throw new GzipError(`the gzip data ends at byte ${gunzip.bytesWritten}, but more than zero padding follows it`);
  }
}

function toGzipError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  if (error.code === 'Z_BUF_ERROR') {
    return new GzipError('the gzip data is cut short: it ends inside a member', { cause: error });
  }
  return error.code.startsWith('Z_')
    ? new GzipError(`the gzip data is damaged: ${error.message}`, { cause: error })
    : error;
}
