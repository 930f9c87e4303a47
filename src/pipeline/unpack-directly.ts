import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Decoder, Flush } from './decoder.ts';
import { freeBuffer } from './free-buffer.ts';
import type { StageTimes } from './stage-times.ts';
import { type ChunkBuffers, type ChunkMemory, UNPACKED_CHUNK_BYTES } from './unpacker.ts';

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

/**
 * Unpacks on the thread that asks, straight into one buffer. Node's streams hand each chunk to a thread pool and take it
 * from there, which costs half as much CPU time again as the unpacking (measured: 1.36 against 0.74 CPU s per GB).
 */
export class DirectUnpacker {
  /** Packed bytes that were unpacked. */
  taken = 0;

  readonly #decoder: Decoder;
  readonly #times: Pick<StageTimes, 'gunzipMs'>;
  readonly #memory: ChunkMemory;
  readonly #buffers: ChunkBuffers;
  #out: Buffer = NO_OUTPUT;
  #at = 0;
  /** The data has ended; what follows is left. */
  #ended = false;
  #turnBegan = performance.now();

  constructor(decoder: Decoder, { times, memory, buffers = OWN_BUFFERS }: Options) {
    this.#decoder = decoder;
    this.#times = times;
    this.#memory = memory;
    this.#buffers = buffers;
  }

  /** @throws zlib's errors, or what `pieces` throws */
  async *unpack(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    if (this.#memory === 'passing') this.#out = this.#buffers.take();
    try {
      for await (const piece of pieces) yield* this.#unpack(piece, 'none');
      yield* this.#unpack(NO_INPUT, 'end');
    } finally {
      this.#decoder.close();
      if (this.#memory === 'passing') this.#buffers.giveBack(this.#out);
    }
  }

  async *#unpack(piece: Buffer, flush: Flush): AsyncGenerator<Buffer> {
    for (let from = 0; !this.#ended; ) {
      await this.#letOthers();
      const start = this.#startOfOutput();
      const room = this.#out.length - start;
      const started = performance.now();
      this.#decoder.write(flush, piece, from, this.#out, start);
      this.#times.gunzipMs += performance.now() - started;
      const { roomLeft, inputLeft } = this.#decoder;
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
