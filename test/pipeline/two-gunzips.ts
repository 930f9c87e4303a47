import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { DecompressError, decompress } from '../../src/pipeline/decompress.ts';
import { PlainRowModule } from '../../src/pipeline/plain-row-module.ts';
import type { Crc32 } from '../../src/pipeline/unpacker.ts';

/** What unpacking comes to. How much came before a failure depends on the pieces, and is left out. */
export type Unpacked = { bytes: number; sha256: string } | { failure: string };

export function unpackedTo(content: Buffer): Unpacked {
  return { bytes: content.length, sha256: hash('sha256', content) };
}

/** Unpacks gzip both ways, into a buffer of the WebAssembly's memory: by Node's gunzip, and by the loader's own reader. */
export class TwoGunzips {
  readonly #module = new PlainRowModule();
  readonly #slot = this.#module.slots[0] ?? Buffer.alloc(0);

  /** @param room bytes of the buffer that is unpacked into, up to 256 KiB */
  async node(pieces: readonly Buffer[], room: number): Promise<Unpacked> {
    return await this.#unpack(pieces, room, undefined);
  }

  async own(pieces: readonly Buffer[], room: number): Promise<Unpacked> {
    return await this.#unpack(pieces, room, this.#module.crc32);
  }

  async #unpack(pieces: readonly Buffer[], room: number, crc32: Crc32 | undefined): Promise<Unpacked> {
    const buffers = { take: () => this.#slot.subarray(0, room), giveBack: () => {}, crc32 };
    const content: Buffer[] = [];
    try {
      const options = { times: { gunzipMs: 0 }, memory: 'passing', buffers } as const;
      for await (const chunk of decompress(Readable.from(pieces), 'gzip', options)) content.push(Buffer.from(chunk));
      return unpackedTo(Buffer.concat(content));
    } catch (error) {
      if (!(error instanceof DecompressError)) throw error;
      return { failure: error.message };
    }
  }
}
