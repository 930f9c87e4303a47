import type { QueuedFile } from '../db/loader-file/list-unfinished-files.ts';

/** How many ids a claim is offered at once: enough to pass over what other replicas have in hand. */
const CANDIDATES = 64;

/** The order of work of one load in this process: ids in schedule order, each offered until somebody has it. */
export class FileQueue {
  #ids: string[] = [];
  #at = 0;
  readonly #inHand = new Set<string>();

  /** Replaces what is still to come; files in hand here stay in hand. */
  refill(files: readonly QueuedFile[]): void {
    this.#ids = files.map((file) => file.id).filter((id) => !this.#inHand.has(id));
    this.#at = 0;
  }

  /** The next ids to offer to a claim, in order; empty when all have been offered. */
  candidates(): string[] {
    return this.#ids.slice(this.#at, this.#at + CANDIDATES);
  }

  /** A claim took one of the candidates; those before it are in others' hands or finished. */
  take(id: string, candidates: readonly string[]): void {
    this.#at += candidates.indexOf(id) + 1;
    this.#inHand.add(id);
  }

  /** A claim found none of the candidates free. */
  passOver(candidates: readonly string[]): void {
    this.#at += candidates.length;
  }

  /** A file left this process's hands. */
  release(id: string): void {
    this.#inHand.delete(id);
  }
}
