/** What ends at some time, and what is begun for it then: a test, `{ after }` of node:test for a whole file, a program. */
export interface Closing {
  after(close: () => Promise<void> | void): void;
}

/** Parts that end in the opposite order, as a later one may use an earlier one until it has ended. */
export class LastFirst implements Closing {
  readonly #closing: (() => Promise<void> | void)[] = [];

  after(close: () => Promise<void> | void): void {
    this.#closing.push(close);
  }

  /** Ends all that there are. The others too where one fails; what it says is thrown then. */
  async close(): Promise<void> {
    const close = this.#closing.pop();
    if (close === undefined) return;
    try {
      await close();
    } finally {
      await this.close();
    }
  }
}

/** The same for parts that end with `t`, which itself runs what it gets in order. */
export function lastFirst(t: Closing): LastFirst {
  const parts = new LastFirst();
  t.after(() => parts.close());
  return parts;
}
