import { PackedFiles } from './packed-files.ts';
import type { QueuedFile } from './queue.ts';

/** Files of one look at the queue in some order: four bytes each, besides the files themselves. Immutable. */
export class FileList implements Iterable<QueuedFile> {
  static readonly EMPTY = new FileList(new PackedFiles(), new Uint32Array(0));

  readonly #files: PackedFiles;
  readonly #places: Uint32Array;

  private constructor(files: PackedFiles, places: Uint32Array) {
    this.#files = files;
    this.#places = places;
  }

  /** All files, in the order in which they were added; no more can be. */
  static all(files: PackedFiles): FileList {
    files.end();
    return new FileList(
      files,
      Uint32Array.from({ length: files.length }, (_, place) => place),
    );
  }

  /** Packs files. */
  static of(files: Iterable<QueuedFile>): FileList {
    const packed = new PackedFiles();
    for (const file of files) packed.add(file);
    return FileList.all(packed);
  }

  /** One list after another. @throws where they are not of one look */
  static concat(lists: readonly FileList[]): FileList {
    const [first, ...others] = lists.filter(({ length }) => length > 0);
    if (first === undefined || others.length === 0) return first ?? FileList.EMPTY;
    const places = new Uint32Array([first, ...others].reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const list of [first, ...others]) {
      if (list.#files !== first.#files) throw new Error('these files are of different looks at the queue');
      places.set(list.#places, at);
      at += list.length;
    }
    return new FileList(first.#files, places);
  }

  get length(): number {
    return this.#places.length;
  }

  /** The file at a place of this order; undefined behind its end. */
  at(place: number): QueuedFile | undefined {
    const of = this.#places[place];
    return of === undefined ? undefined : this.#files.at(of);
  }

  typeAt(place: number): string | undefined {
    const of = this.#places[place];
    return of === undefined ? undefined : this.#files.type(of);
  }

  sizeAt(place: number): number {
    return this.#files.size(this.#places[place] ?? 0);
  }

  slice(from: number, to = this.length): FileList {
    return new FileList(this.#files, this.#places.subarray(from, to));
  }

  filter(isKept: (file: QueuedFile) => boolean): FileList {
    const files = this.#files;
    return new FileList(
      files,
      this.#places.filter((place) => isKept(files.at(place))),
    );
  }

  /** @param places of this order, each once, in the order that is wanted */
  inOrder(places: Uint32Array): FileList {
    return new FileList(
      this.#files,
      places.map((place) => this.#places[place] ?? 0),
    );
  }

  /** By type, in the order in which types come first; each with its files in their order. */
  byType(): ReadonlyMap<string, FileList> {
    const counts = new Map<string, number>();
    for (let place = 0; place < this.length; place++) {
      const type = this.typeAt(place) ?? '';
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    const lists = new Map([...counts].map(([type, count]) => [type, { places: new Uint32Array(count), at: 0 }]));
    for (const of of this.#places) {
      const list = lists.get(this.#files.type(of));
      if (list !== undefined) list.places[list.at++] = of;
    }
    return new Map([...lists].map(([type, { places }]) => [type, new FileList(this.#files, places)]));
  }

  *[Symbol.iterator](): Generator<QueuedFile> {
    for (const place of this.#places) yield this.#files.at(place);
  }
}
