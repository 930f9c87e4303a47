import type { QueuedFile } from '../store/loader-file/list-unfinished-files.ts';

/** How many ids a claim is offered at once: enough to pass over what other replicas have in hand. */
const CANDIDATES = 64;

/** The order of work of one load in this process: ids in schedule order, each offered until somebody has it. */
export class FileQueue {
  #files: QueuedFile[] = [];
  #at = 0;
  #bytesLeft = 0;
  readonly #inHand = new Set<string>();

  /** Replaces what is still to come; files in hand here stay in hand. */
  refill(files: readonly QueuedFile[]): void {
    this.#files = files.filter((file) => !this.#inHand.has(file.id));
    this.#at = 0;
    this.#bytesLeft = this.#files.reduce((bytes, file) => bytes + file.size, 0);
  }

  /** The next ids to offer to a claim, in order; empty when all have been offered. */
  candidates(): string[] {
    return this.#files.slice(this.#at, this.#at + CANDIDATES).map((file) => file.id);
  }

  /** A claim took one of the candidates; those before it are in others' hands or finished. */
  take(id: string, candidates: readonly string[]): void {
    this.#advance(candidates.indexOf(id) + 1);
    this.#inHand.add(id);
  }

  /** A claim found none of the candidates free. */
  passOver(candidates: readonly string[]): void {
    this.#advance(candidates.length);
  }

  /** Size of the files that have not been offered yet, in bytes of the objects. */
  get bytesLeft(): number {
    return this.#bytesLeft;
  }

  /** Whether files are in this process's hands. */
  get hasInHand(): boolean {
    return this.#inHand.size > 0;
  }

  /** A file left this process's hands. */
  release(id: string): void {
    this.#inHand.delete(id);
  }

  #advance(count: number): void {
    for (const file of this.#files.slice(this.#at, this.#at + count)) this.#bytesLeft -= file.size;
    this.#at += count;
  }
}
