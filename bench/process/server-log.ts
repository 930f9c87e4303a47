import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const LAST_LINES = 5;

/** The log of a server process, read to its end: a full pipe would stop the server. */
export class ServerLog {
  /** Where the server says that it listens. Rejects, with the log's last lines, when it ends before. */
  readonly url: Promise<string>;
  /** When the last load ended, in ms since 1970. */
  loadEnded: number | undefined;

  readonly #last: string[] = [];

  constructor(stdout: Readable) {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.url = promise;
    createInterface({ input: stdout })
      .on('line', (line) => {
        const url = /POST (http:\S+)\/rpc/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
        if (line.includes('"msg":"load finished"')) this.loadEnded = Number(/"time":(\d+)/.exec(line)?.[1]);
        this.#last.push(line);
        this.#last.splice(0, this.#last.length - LAST_LINES);
      })
      .on('close', () => reject(new Error(`the server ended:\n${this.#last.join('\n')}`)));
  }
}
