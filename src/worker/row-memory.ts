import { CopyBuffers } from '../pipeline/copy-buffers.ts';
import type { Transforms } from '../pipeline/create-transform.ts';
import { PlainRowModule } from '../pipeline/plain-row-module.ts';

/** Slots that may be lost before the memory is replaced. */
const MOST_LOST = 8;

/**
 * The buffers of a thread's files, in the memory of the WebAssembly that makes their rows. A file that fails does not give all of
 * its buffers back, since a socket may still read them. They are not used again: once many are lost and no file is in flight,
 * the files that come next get another memory.
 */
export class RowMemory {
  readonly #transforms: Pick<Transforms, 'plainRowModule'>;
  #buffers: CopyBuffers;
  #files = 0;

  /** @param transforms those of the thread, which get the module */
  constructor(transforms: Pick<Transforms, 'plainRowModule'>) {
    this.#transforms = transforms;
    this.#buffers = this.#create();
  }

  /** Runs what takes buffers, for one file or one batch of files. */
  async use<T>(work: (buffers: CopyBuffers) => Promise<T>): Promise<T> {
    this.#files++;
    try {
      return await work(this.#buffers);
    } finally {
      this.#files--;
      if (this.#files === 0 && this.#buffers.slotsOut > MOST_LOST) this.#buffers = this.#create();
    }
  }

  #create(): CopyBuffers {
    const module = new PlainRowModule();
    this.#transforms.plainRowModule = module;
    return new CopyBuffers(module.slotBytes, module.slots, module.crc32);
  }
}
