import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import type { QueuedFile } from '../store/loader-file/queue.ts';

/** Files that are packed together, and unpacked when one of them is asked for: as many as a batch has. */
const BLOCK_FILES = 256;

const textsSchema = z.array(z.tuple([z.string(), z.string(), z.string().nullable(), z.string()]));
type Texts = z.output<typeof textsSchema>;

/**
 * Files that wait, in an order. Immutable. As objects each takes 320 bytes, and half as much again, since V8 lets garbage grow by what is
 * in use; packed, 64.
 */
export class PackedFiles {
  /** JSON of the texts that only a file that is begun needs. */
  readonly #blocks: readonly Uint8Array[];
  readonly #sizes: Float64Array;
  /** Places in `#types`. */
  readonly #typeOf: Uint16Array;
  readonly #types: readonly string[];
  /** The block that was asked for last: claims of one file come to it again and again. */
  #unpacked: { block: number; texts: Texts } | undefined;

  constructor(files: readonly QueuedFile[]) {
    const types = new Map<string, number>();
    const blocks: Uint8Array[] = [];
    this.#sizes = Float64Array.from(files, ({ size }) => size);
    this.#typeOf = Uint16Array.from(files, ({ type }) => {
      const known = types.get(type) ?? types.size;
      types.set(type, known);
      return known;
    });
    for (let from = 0; from < files.length; from += BLOCK_FILES)
      blocks.push(pack(files.slice(from, from + BLOCK_FILES)));
    this.#blocks = blocks;
    this.#types = [...types.keys()];
  }

  get length(): number {
    return this.#sizes.length;
  }

  /** The size of the files from a place on, all together, in bytes. */
  bytesFrom(place: number): number {
    return this.#sizes.subarray(place).reduce((sum, size) => sum + size, 0);
  }

  /** Whether a file of a type is at a place, or behind it. */
  includesType(type: string, place: number): boolean {
    const number = this.#types.indexOf(type);
    return number >= 0 && this.#typeOf.indexOf(number, place) >= 0;
  }

  /** The files from one place to before another, or to the end. */
  slice(from: number, end: number): QueuedFile[] {
    const to = Math.min(end, this.length);
    const files: QueuedFile[] = [];
    for (let at = from; at < to; ) {
      const block = Math.floor(at / BLOCK_FILES);
      const texts = this.#textsOf(block);
      for (const last = Math.min(to, (block + 1) * BLOCK_FILES); at < last; at++) {
        const [id = '', key = '', etag = null, lastModified = ''] = texts[at % BLOCK_FILES] ?? [];
        const type = this.#types[this.#typeOf[at] ?? 0] ?? '';
        files.push({ id, key, type, size: this.#sizes[at] ?? 0, etag, lastModified });
      }
    }
    return files;
  }

  #textsOf(block: number): Texts {
    const packed = this.#blocks[block];
    if (this.#unpacked?.block !== block) this.#unpacked = { block, texts: packed === undefined ? [] : unpack(packed) };
    return this.#unpacked.texts;
  }
}

function pack(files: readonly QueuedFile[]): Uint8Array {
  const texts = files.map(({ id, key, etag, lastModified }) => [id, key, etag, lastModified]);
  // Copied: zlib answers with a part of a larger buffer, all of which would be kept.
  return new Uint8Array(deflateRawSync(JSON.stringify(texts), { level: 1 }));
}

function unpack(packed: Uint8Array): Texts {
  return textsSchema.parse(JSON.parse(inflateRawSync(packed).toString()));
}
