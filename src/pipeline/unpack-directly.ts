import { setImmediate as nextTurn } from 'node:timers/promises';
import { constants } from 'node:zlib';
import { freeBuffer } from './free-buffer.ts';
import type { StageTimes } from './stage-times.ts';
import { type ChunkBuffers, type ChunkMemory, UNPACKED_CHUNK_BYTES, type Unpacker } from './unpacker.ts';

/** What Node's zlib streams unpack by. */
interface Handle {
  writeSync(
    flush: number,
    input: Buffer,
    inputAt: number,
    inputBytes: number,
    output: Buffer,
    outputAt: number,
    outputBytes: number,
  ): void;
}

/**
 * How long the thread's other files, and the word to cancel, may wait for one that is unpacked, in ms. Pieces that are there already come
 * without a turn of the event loop, and 64 KiB may unpack to 64 MB without a row that would wait for Postgres: 40 files
 * of one line waited 138 s, until 20 GB of white space were through.
 */
const TURN_MS = 10;

const NO_INPUT = Buffer.alloc(0);
const NO_OUTPUT = Buffer.alloc(0);
const OWN_BUFFERS: ChunkBuffers = { take: () => Buffer.allocUnsafeSlow(UNPACKED_CHUNK_BYTES), giveBack: freeBuffer };

interface Options {
  times: Pick<StageTimes, 'gunzipMs'>;
  memory: ChunkMemory;
  buffers?: ChunkBuffers | undefined;
}
const FLUSHES = {
  gzip: { none: constants.Z_NO_FLUSH, end: constants.Z_FINISH },
  zstd: { none: constants.ZSTD_e_continue, end: constants.ZSTD_e_end },
};

/**
 * Unpacks on the thread that asks, straight into one buffer. Node's streams hand each chunk to a thread pool and take it
 * from there, which costs half as much CPU time again as the unpacking (measured: 1.36 against 0.74 CPU s per GB). Node has no documented
 * way for this: it uses what the streams' own synchronous functions do, and only where that is found as expected.
 */
export class DirectUnpacker {
  /** Packed bytes that were unpacked. */
  taken = 0;

  readonly #unpacker: Unpacker;
  readonly #handle: Handle;
  /** Written by the handle: how much room is left in the output, and how many bytes in the input. */
  readonly #left: Uint32Array;
  readonly #flushes: (typeof FLUSHES)['gzip'];
  readonly #times: Pick<StageTimes, 'gunzipMs'>;
  readonly #memory: ChunkMemory;
  readonly #buffers: ChunkBuffers;
  #out: Buffer = NO_OUTPUT;
  #at = 0;
  /** The data has ended; what follows is left. */
  #ended = false;
  #turnBegan = performance.now();

  private constructor(
    unpacker: Unpacker,
    { handle, left }: Inside,
    flushes: (typeof FLUSHES)['gzip'],
    { times, memory, buffers = OWN_BUFFERS }: Options,
  ) {
    this.#unpacker = unpacker;
    this.#handle = handle;
    this.#left = left;
    this.#flushes = flushes;
    this.#times = times;
    this.#memory = memory;
    this.#buffers = buffers;
  }

  /** @returns undefined where this Node has its streams made otherwise */
  static of(unpacker: Unpacker, packing: 'gzip' | 'zstd', options: Options): DirectUnpacker | undefined {
    const inside = insideOf(unpacker);
    return inside && new DirectUnpacker(unpacker, inside, FLUSHES[packing], options);
  }

  /** @throws zlib's errors, or what `pieces` throws */
  async *unpack(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    // What goes wrong is thrown below; the stream tells it once more.
    this.#unpacker.on('error', () => {});
    if (this.#memory === 'passing') this.#out = this.#buffers.take();
    try {
      for await (const piece of pieces) yield* this.#unpack(piece, this.#flushes.none);
      yield* this.#unpack(NO_INPUT, this.#flushes.end);
    } finally {
      this.#unpacker.close();
      if (this.#memory === 'passing') this.#buffers.giveBack(this.#out);
    }
  }

  async *#unpack(piece: Buffer, flush: number): AsyncGenerator<Buffer> {
    for (let from = 0; !this.#ended; ) {
      await this.#letOthers();
      const start = this.#startOfOutput();
      const room = this.#out.length - start;
      const started = performance.now();
      this.#handle.writeSync(flush, piece, from, piece.length - from, this.#out, start, room);
      this.#times.gunzipMs += performance.now() - started;
      if (this.#unpacker.errored != null) throw this.#unpacker.errored;
      const [roomLeft = 0, inputLeft = 0] = this.#left;
      const next = piece.length - inputLeft;
      this.taken += next - from;
      from = next;
      this.#at = start + room - roomLeft;
      // It stops before the end of its input only for want of room, or where its data ends.
      this.#ended = roomLeft > 0 && inputLeft > 0;
      if (this.#at > start) yield this.#out.subarray(start, this.#at);
      if (roomLeft > 0) return;
    }
  }

  async #letOthers(): Promise<void> {
    if (performance.now() - this.#turnBegan < TURN_MS) return;
    await nextTurn();
    this.#turnBegan = performance.now();
  }

  #startOfOutput(): number {
    if (this.#memory === 'passing') return 0;
    if (this.#at < this.#out.length) return this.#at;
    this.#out = Buffer.allocUnsafeSlow(UNPACKED_CHUNK_BYTES);
    return 0;
  }
}

interface Inside {
  handle: Handle;
  left: Uint32Array;
}

function insideOf(unpacker: object): Inside | undefined {
  if (!('_handle' in unpacker && '_writeState' in unpacker)) return undefined;
  const { _handle: handle, _writeState: left } = unpacker;
  return isHandle(handle) && left instanceof Uint32Array && left.length === 2 ? { handle, left } : undefined;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'writeSync' in value && typeof value.writeSync === 'function';
}
