/** How far a file is, or several together. */
export interface Amount {
  /** Bytes of the object received. */
  bytes: number;
  /** Rows written to COPY. */
  rows: number;
}

const NOTHING: Amount = { bytes: 0, rows: 0 };

/** How far one load of this process is: its files in flight, and what has come of all that were. */
export class ProgressLog {
  readonly #files = new Map<string, Amount>();
  #ended: Amount = NOTHING;

  /** The files in flight, by LoaderFile id. */
  get files(): Readonly<Record<string, Amount>> {
    return Object.fromEntries(this.#files);
  }

  /** What has been received and written so far, of files that ended in any way and of those in flight. */
  totals(): Amount {
    return [...this.#files.values()].reduce(sum, this.#ended);
  }

  /** An attempt at a file begins. */
  begin(id: string): void {
    this.#files.set(id, NOTHING);
  }

  /** @returns the progress since the previous call for this file; never negative, also where a body is sent again */
  update(id: string, { bytes, rows }: Amount): Amount {
    const before = this.#files.get(id) ?? NOTHING;
    this.#files.set(id, { bytes, rows });
    return { bytes: Math.max(0, bytes - before.bytes), rows: Math.max(0, rows - before.rows) };
  }

  /** The attempt ended. */
  end(id: string): void {
    this.#ended = sum(this.#ended, this.#files.get(id) ?? NOTHING);
    this.#files.delete(id);
  }
}

function sum(a: Amount, b: Amount): Amount {
  return { bytes: a.bytes + b.bytes, rows: a.rows + b.rows };
}
