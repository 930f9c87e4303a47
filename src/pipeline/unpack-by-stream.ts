import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type StageTimes, Stopwatch } from './stage-times.ts';
import { type ChunkMemory, UNPACKED_CHUNK_BYTES, type Unpacker } from './unpacker.ts';

/**
 * Unpacks as Node documents it.
 * @throws zlib's errors, or what `pieces` throws
 */
export async function* unpackByStream(
  pieces: AsyncIterable<Buffer>,
  unpacker: Unpacker,
  { times, memory }: { times: Pick<StageTimes, 'gunzipMs'>; memory: ChunkMemory },
): AsyncGenerator<Buffer> {
  const work = watchWork(unpacker);
  // A loop over the unpacker itself would get all that is ready copied into one buffer, whose memory is another one's.
  const single = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const feeding = pipeline(Readable.from(pieces, { highWaterMark: 4 }), unpacker, single);
  // Its error, if any, also ends the loop below; without this it would count as unhandled meanwhile.
  feeding.catch(() => {});
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
}

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
  if (memory instanceof ArrayBuffer && memory.byteLength === UNPACKED_CHUNK_BYTES) memory.transfer(0);
}

/** Runs while the stream has a chunk to unpack. */
function watchWork(unpacker: Unpacker): Stopwatch {
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
