import { constants, type InflateRaw } from 'node:zlib';
import type { Decoder, Flush } from './decoder.ts';
import type { Unpacker } from './unpacker.ts';

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

const FLUSHES = {
  gzip: { none: constants.Z_NO_FLUSH, end: constants.Z_FINISH },
  raw: { none: constants.Z_NO_FLUSH, end: constants.Z_FINISH },
  zstd: { none: constants.ZSTD_e_continue, end: constants.ZSTD_e_end },
};

/**
 * Unpacks by what is inside of Node's streams. Node has no documented way for this: it uses what the streams' own synchronous
 * functions do, and only where that is found as expected.
 */
export class ZlibDecoder<Stream extends Unpacker | InflateRaw> implements Decoder {
  readonly stream: Stream;
  readonly #handle: Handle;
  /** Written by the handle: how much room is left in the output, and how many bytes in the input. */
  readonly #left: Uint32Array;
  readonly #flushes: Readonly<Record<Flush, number>>;

  private constructor(stream: Stream, { handle, left }: Inside, flushes: Readonly<Record<Flush, number>>) {
    this.stream = stream;
    this.#handle = handle;
    this.#left = left;
    this.#flushes = flushes;
    // What goes wrong is thrown by `write`; the stream tells it once more.
    stream.on('error', () => {});
  }

  /** @returns undefined where this Node has its streams made otherwise; the stream is then as it was */
  static of<Stream extends Unpacker | InflateRaw>(
    stream: Stream,
    packing: keyof typeof FLUSHES,
  ): ZlibDecoder<Stream> | undefined {
    const inside = insideOf(stream);
    return inside && new ZlibDecoder(stream, inside, FLUSHES[packing]);
  }

  get roomLeft(): number {
    return this.#left[0] ?? 0;
  }

  get inputLeft(): number {
    return this.#left[1] ?? 0;
  }

  write(flush: Flush, input: Buffer, from: number, output: Buffer, at: number): void {
    const room = output.length - at;
    this.#handle.writeSync(this.#flushes[flush], input, from, input.length - from, output, at, room);
    if (this.stream.errored != null) throw this.stream.errored;
  }

  close(): void {
    this.stream.close();
  }
}

interface Inside {
  handle: Handle;
  left: Uint32Array;
}

function insideOf(stream: object): Inside | undefined {
  if (!('_handle' in stream && '_writeState' in stream)) return undefined;
  const { _handle: handle, _writeState: left } = stream;
  return isHandle(handle) && left instanceof Uint32Array && left.length === 2 ? { handle, left } : undefined;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'writeSync' in value && typeof value.writeSync === 'function';
}
