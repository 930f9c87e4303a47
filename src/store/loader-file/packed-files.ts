import { mostPacked, packText, skipText, unpackText } from './packed-text.ts';
import type { QueuedFile } from './queue.ts';

/** Files whose texts share one memory: so large that it is given back to the system once it is garbage. */
const FILES_TOGETHER = 2048;

/** Least memory that texts are first written to, in bytes. */
const FIRST_BYTES = 256 * 1024;

/** Some files, member by member. */
interface Block {
  readonly sizes: Float64Array;
  /** Numbers of types. */
  readonly types: Uint16Array;
  /** Where the texts of each begin. */
  readonly starts: Uint32Array;
  /** Key, id, ETag and time of each. */
  texts: Buffer;
}

/**
 * Files that wait in the queue, which may be very many: about 112 bytes each, and outside of V8's heap, where they would make room for half
 * as much garbage, and each collection would mark them. As objects they took 326 bytes, as objects with a part of a shared text 219.
 */
export class PackedFiles {
  #blocks: Block[] = [];
  readonly #types: string[] = [];
  readonly #numbers = new Map<string, number>();
  #length = 0;
  #scratch = Buffer.alloc(0);
  /** Of the last block's texts, how many bytes are written. */
  #written = 0;

  get length(): number {
    return this.#length;
  }

  add({ id, key, type, size, etag, lastModified }: QueuedFile): void {
    const place = this.#length % FILES_TOGETHER;
    if (place === 0) this.#begin();
    const block = this.#blocks.at(-1);
    if (block === undefined) return;
    block.sizes[place] = size;
    block.types[place] = this.#numberOf(type);
    block.starts[place] = this.#written;
    for (const text of [key, id, etag, lastModified]) this.#write(text);
    block.texts = this.#scratch;
    this.#length++;
  }

  /** No more are added. */
  end(): void {
    const last = this.#blocks.at(-1);
    if (last !== undefined) last.texts = ownCopy(this.#scratch, this.#written);
    this.#scratch = Buffer.alloc(0);
  }

  /** The file at a place, from 0; its texts are read anew each time. To be handed on by reference: a copy of it has nothing. */
  at(place: number): QueuedFile {
    return new PackedFile(this, place);
  }

  type(place: number): string {
    return this.#types[this.#blockOf(place).types[place % FILES_TOGETHER] ?? 0] ?? '';
  }

  size(place: number): number {
    return this.#blockOf(place).sizes[place % FILES_TOGETHER] ?? 0;
  }

  /** @param which of its texts: 0 the key, 1 the id, 2 the ETag, 3 the time */
  text(place: number, which: number): string | null {
    const { texts, starts } = this.#blockOf(place);
    let at = starts[place % FILES_TOGETHER] ?? 0;
    for (let before = 0; before < which; before++) at = skipText(texts, at);
    return unpackText(texts, at);
  }

  #blockOf(place: number): Block {
    const block = this.#blocks[Math.floor(place / FILES_TOGETHER)];
    if (block === undefined) throw new RangeError(`no file ${place} of ${this.#length}`);
    return block;
  }

  /** The block before has texts of its own from now on. */
  #begin(): void {
    const before = this.#blocks.at(-1);
    if (before !== undefined) before.texts = ownCopy(this.#scratch, this.#written);
    this.#written = 0;
    this.#blocks.push({
      sizes: new Float64Array(FILES_TOGETHER),
      types: new Uint16Array(FILES_TOGETHER),
      starts: new Uint32Array(FILES_TOGETHER),
      texts: this.#scratch,
    });
  }

  #numberOf(type: string): number {
    const known = this.#numbers.get(type);
    if (known !== undefined) return known;
    this.#numbers.set(type, this.#types.length);
    return this.#types.push(type) - 1;
  }

  #write(text: string | null): void {
    const most = this.#written + mostPacked(text);
    if (most > this.#scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * most));
      this.#scratch.copy(larger, 0, 0, this.#written);
      this.#scratch = larger;
    }
    this.#written = packText(this.#scratch, this.#written, text);
  }
}

class PackedFile implements QueuedFile {
  readonly #files: PackedFiles;
  readonly #place: number;

  constructor(files: PackedFiles, place: number) {
    this.#files = files;
    this.#place = place;
  }

  get type(): string {
    return this.#files.type(this.#place);
  }

  get size(): number {
    return this.#files.size(this.#place);
  }

  get key(): string {
    return this.#files.text(this.#place, 0) ?? '';
  }

  get id(): string {
    return this.#files.text(this.#place, 1) ?? '';
  }

  get etag(): string | null {
    return this.#files.text(this.#place, 2);
  }

  get lastModified(): string {
    return this.#files.text(this.#place, 3) ?? '';
  }
}

function ownCopy(from: Buffer, bytes: number): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes);
  from.copy(own, 0, 0, bytes);
  return own;
}
