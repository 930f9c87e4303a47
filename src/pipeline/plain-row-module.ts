import { z } from 'zod';
import { createFoldingCrc32, type Fold } from './folding-crc32.ts';
import { PLAIN_ROWS_WASM } from './plain-rows-wasm.ts';
import type { Crc32 } from './unpacker.ts';
import { COMMON_EXPORTS, exported, instantiate } from './web-assembly.ts';

const figure = exported<() => number>();

type Write = (
  line: number,
  end: number,
  streams: number,
  frontBytes: number,
  prefixBytes: number,
  maxLineBytes: number,
) => number;

const exportsSchema = z.object({
  ...COMMON_EXPORTS,
  result: figure,
  streams: figure,
  streamCount: figure,
  front: figure,
  prefix: figure,
  headBytes: figure,
  input: figure,
  inputBytes: figure,
  output: figure,
  outputBytes: figure,
  slots: figure,
  slotBytes: figure,
  slotStride: figure,
  slotCount: figure,
  write: exported<Write>(),
  lastFolded: figure,
  lastFoldedBytes: figure,
  foldCrc32: exported<Fold>(),
});

/** Why the module stops, by its number; `ended` is the end of the lines that it was given. */
const STOPS = ['unusual', 'full', 'ended'] as const;

/** A piece of the module's memory. */
export interface Place {
  from: number;
  to: number;
}

/** What the rows of a file begin with, and how its lines begin. */
export interface RowHeads {
  readonly front: Buffer;
  readonly prefix: Buffer;
}

/**
 * The WebAssembly and its memory, 9 MB of addresses, of which it touches what is used. The files of a thread share one. Lines in its
 * `slots` are read where they lie, and rows are written there; other bytes are copied into the memory and out of it.
 */
export class PlainRowModule {
  /** Buffers in the memory. Bytes behind what is read of one may be written to, and are put back. */
  readonly slots: readonly Buffer[];
  readonly slotBytes: number;
  readonly input: Buffer;
  readonly inputBytes: number;
  readonly output: Buffer;
  /** The least time for bytes in its memory. */
  readonly crc32: Crc32;
  /** Where in the memory the first line begins that was left by the last `write`. */
  next = 0;
  stop: (typeof STOPS)[number] = 'unusual';
  /** Which stream has no room, where it stopped for that. */
  full = 0;
  /** Most streams at a time. */
  readonly mostStreams: number;
  /** Whose bytes are in the input. */
  user: object | undefined;

  readonly #write: Write;
  readonly #memory: Buffer;
  readonly #result: Uint32Array;
  readonly #streams: Uint32Array;
  readonly #front: Buffer;
  readonly #prefix: Buffer;
  #heads: RowHeads | undefined;

  constructor() {
    const { memory, write, foldCrc32, ...places } = instantiate(PLAIN_ROWS_WASM, exportsSchema);
    const { buffer } = memory;
    this.#write = write;
    this.#memory = Buffer.from(buffer);
    this.#result = new Uint32Array(buffer, places.result(), 3);
    this.mostStreams = places.streamCount();
    this.#streams = new Uint32Array(buffer, places.streams(), 2 * this.mostStreams);
    this.#front = Buffer.from(buffer, places.front(), places.headBytes());
    this.#prefix = Buffer.from(buffer, places.prefix(), places.headBytes());
    this.inputBytes = places.inputBytes();
    this.input = Buffer.from(buffer, places.input(), this.inputBytes);
    this.output = Buffer.from(buffer, places.output(), places.outputBytes());
    this.crc32 = createFoldingCrc32({
      fold: foldCrc32,
      last: Buffer.from(buffer, places.lastFolded(), places.lastFoldedBytes()),
      addressOf: (bytes) => this.addressOf(bytes),
    });
    this.slotBytes = places.slotBytes();
    this.slots = Array.from({ length: places.slotCount() }, (_, n) =>
      Buffer.from(buffer, places.slots() + n * places.slotStride(), this.slotBytes),
    );
  }

  /** Where in the memory a buffer lies; undefined where it lies elsewhere. */
  addressOf({ buffer, byteOffset }: Buffer): number | undefined {
    return buffer === this.#memory.buffer ? byteOffset : undefined;
  }

  /**
   * Writes the rows of lines, each into the room of the stream that its id has among them.
   * @returns how many; `next`, `stop` and `endOf` say more
   */
  write(lines: Place, rooms: readonly Place[], heads: RowHeads, maxLineBytes: number): number {
    const { front, prefix } = heads;
    if (this.#heads !== heads) {
      front.copy(this.#front);
      prefix.copy(this.#prefix);
      this.#heads = heads;
    }
    for (const [stream, { from, to }] of rooms.entries()) {
      this.#streams[2 * stream] = from;
      this.#streams[2 * stream + 1] = to;
    }
    // It looks behind the last byte for the end of white space.
    const behind = this.#memory[lines.to] ?? 0;
    this.#memory[lines.to] = 0;
    const rows = this.#write(lines.from, lines.to, rooms.length, front.length, prefix.length, maxLineBytes);
    this.#memory[lines.to] = behind;
    const [next = 0, stop = 0, full = 0] = this.#result;
    this.next = next;
    this.stop = STOPS[stop] ?? 'unusual';
    this.full = full;
    return rows;
  }

  /** Where the rows of a stream end that the last `write` has written. */
  endOf(stream: number): number {
    return this.#streams[2 * stream] ?? 0;
  }
}
