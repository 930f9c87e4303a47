import type { ObjectSource, ObjectToRead } from '../source/object-source.ts';
import { BegunObject } from './begun-object.ts';
import { ForwardedBytes } from './forwarded-bytes.ts';

/** Most objects of a thread that are begun and not yet wanted: of two loads of 16 slots. Each keeps 256 KiB. */
const MOST_BEGUN = 32;

/**
 * Objects whose first bytes a thread reads before their files are claimed, so that a slot does not wait for the store's first answer. That
 * an object is begun gives no right to its file: another replica, or thread, may load it, and this one then lets go of it.
 */
export class FirstBytes {
  readonly #begun = new Map<string, BegunObject>();

  /** Begins to read an object that is likely to be wanted soon. @param from which source it is of */
  begin(object: ObjectToRead, source: ObjectSource, from: string): void {
    const name = nameOf(object, from);
    if (this.#begun.has(name)) return;
    const [oldest] = this.#begun.values();
    if (this.#begun.size >= MOST_BEGUN) oldest?.close();
    this.#begun.set(name, new BegunObject(object, source, () => this.#begun.delete(name)));
  }

  /** The source, whose objects go on from what has been read of them, once they are read. */
  over(source: ObjectSource, from: string): ObjectSource {
    return {
      list: (...which) => source.list(...which),
      open: (object, signal) => {
        let bytes = source.open(object, signal);
        const take = () => this.#take(object, from)?.goOn(signal);
        // Not before the first bytes are asked for: who opens an object may never read it, and then nobody would let go of this.
        const read = async function* () {
          bytes = take() ?? bytes;
          yield* bytes.read();
        };
        return new ForwardedBytes(() => bytes, read);
      },
    };
  }

  /** Lets go of all objects of a source. */
  closeAll(from: string): void {
    for (const [name, begun] of this.#begun) if (name.startsWith(from)) begun.close();
  }

  #take(object: ObjectToRead, from: string): BegunObject | undefined {
    const name = nameOf(object, from);
    const begun = this.#begun.get(name);
    this.#begun.delete(name);
    return begun;
  }
}

/** With all that tells versions of an object apart: listed as another version, it is read anew. */
function nameOf({ key, size, etag, lastModified }: ObjectToRead, from: string): string {
  return `${from}${JSON.stringify([key, size, etag, lastModified])}`;
}
