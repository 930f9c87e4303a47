import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const LAST_LINES = 5;

/** The log of a server process, read to its end: a full pipe would stop the server. */
export class ServerLog {
  /** Where the server says that it listens. Rejects, with the log's last lines, when it ends before. */
  readonly url: Promise<string>;

  readonly #last: string[] = [];
  #onLoadEnd: ((at: number) => void) | undefined;

  constructor(stdout: Readable) {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.url = promise;
    createInterface({ input: stdout })
      .on('line', (line) => {
        const url = /POST (http:\S+)\/rpc/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
        if (line.includes('"msg":"load ')) this.#onLoadEnd?.(Number(/"time":(\d+)/.exec(line)?.[1]));
        this.#last.push(line);
        this.#last.splice(0, this.#last.length - LAST_LINES);
      })
      .on('close', () => reject(new Error(`the server ended:\n${this.#last.join('\n')}`)));
  }

  /** When the load that is running or begins next ends, in ms since 1970. */
  async loadEnd(): Promise<number> {
    return await new Promise((resolve) => {
      this.#onLoadEnd = resolve;
    });
  }
}
