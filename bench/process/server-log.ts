import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const LAST_LINES = 5;

/** The log of a server process, read to its end: a full pipe would stop the server. */
export class ServerLog {
  /** Where the server says that it listens. Rejects, with the log's last lines, when it ends before. */
  readonly url: Promise<string>;

  readonly #last: string[] = [];
  readonly #ended = Promise.withResolvers<never>();
  #onLoadEnd: ((at: number) => void) | undefined;

  constructor(stdout: Readable) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.url = Promise.race([promise, this.#ended.promise]);
    this.#ended.promise.catch(() => {});
    createInterface({ input: stdout })
      .on('line', (line) => {
        const url = /POST (http:\S+)\/rpc/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
        if (line.includes('"msg":"load ')) this.#onLoadEnd?.(Number(/"time":(\d+)/.exec(line)?.[1]));
        this.#last.push(line);
        this.#last.splice(0, this.#last.length - LAST_LINES);
      })
      .on('close', () => this.#ended.reject(new Error(`the server ended:\n${this.#last.join('\n')}`)));
  }

  /** When the load that is running or begins next ends, in ms since 1970. @throws when the server ends before */
  async loadEnd(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#onLoadEnd = resolve;
    return await Promise.race([promise, this.#ended.promise]);
  }
}
