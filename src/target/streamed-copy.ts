import { finished } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type pg from 'pg';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import { checkAllStored } from '../errors/rows-kept-out.ts';
import { RowEncoder } from '../pipeline/row-encoder.ts';
import type { StageTimes } from '../pipeline/stage-times.ts';
import { rowOfCopyError } from './copy-position.ts';
import { CopyQueue } from './copy-queue.ts';
import type { CopyRowsOptions } from './copy-rows-options.ts';
import { EncodedCopy } from './encoded-copy.ts';
import type { RowCopy } from './row-copy.ts';

/**
 * A chunk of at least this many bytes is above any socket's high-water mark (64 KiB), so its write is called back when
 * the socket has drained, that is when the kernel has the bytes; a smaller one may be called back while it still waits.
 */
const CERTAINLY_DRAINED_BYTES = 64 * 1024;

/** Buffers that may wait for a COPY that is the only one of its file, and for each of several. */
const MOST_WAITING = { ofOne: 2, ofSeveral: 3 };

/** Buffers that may wait for all COPYs of a file: more do not lie in the memory of the WebAssembly that makes the rows (`RowMemory`). */
const MOST_OF_ALL = 20;

/**
 * How many buffers may wait for each of a file's COPYs. Of several one is always behind: with two, and none before both were sent, the others
 * had nothing to do meanwhile, and half a core of two was idle.
 */
function mostWaiting(copies: number): number {
  return copies === 1 ? MOST_WAITING.ofOne : Math.min(MOST_WAITING.ofSeveral, Math.floor(MOST_OF_ALL / copies));
}

/**
 * One COPY on each client for the whole file, as fast as the slowest of them takes its rows, but for a few buffers; a row's id decides which
 * client gets it. Fails at the first line that cannot be loaded.
 */
export class StreamedCopy extends EncodedCopy implements RowCopy {
  readonly memory = 'passing';
  readonly badLines = [];
  readonly failed: Promise<never>;

  protected readonly encoder: RowEncoder;
  readonly #copies: readonly CopyStreamQuery[];
  readonly #queues: readonly CopyQueue[];
  /** Every COPY has its end awaited from the start: a failure of one must not go unnoticed while another is written to. */
  readonly #ends: readonly Promise<void>[];
  readonly #times: StageTimes;
  readonly #statement: string;
  /** Of buffers that may still be waiting to be sent. */
  readonly #reuseAtEnd: (() => void)[] = [];

  constructor(clients: readonly pg.ClientBase[], { statement, encoder, times }: CopyRowsOptions) {
    super();
    this.#times = times;
    this.#statement = statement;
    this.#copies = clients.map((client) => client.query(copyFrom(statement)));
    this.#ends = this.#copies.map((copy) => finished(copy));
    this.failed = Promise.all(this.#ends).then(() => new Promise<never>(() => {}));
    this.#queues = this.#copies.map((copy) => new CopyQueue(copy, mostWaiting(clients.length)));
    this.encoder = new RowEncoder(
      encoder,
      this.#queues.map((queue) => (chunk: Buffer, reuse: () => void) => {
        const certain = chunk.length >= CERTAINLY_DRAINED_BYTES;
        if (!certain) this.#reuseAtEnd.push(reuse);
        queue.add(chunk, certain ? reuse : () => {});
      }),
    );
  }

  async write(chunk: Buffer): Promise<void> {
    // A COPY that was closed has failed: its end says why, and the file's bytes are not read any further.
    if (this.#copies.some((copy) => copy.destroyed)) return await this.failed;
    this.encoder.write(chunk);
    const started = performance.now();
    // The sockets of several are to get what waits for them before the next rows are made.
    if (this.#queues.length > 1 && this.#queues.some(({ length }) => length > 0)) await nextTurn();
    for (const queue of this.#queues) await queue.room();
    this.#times.postgresMs += performance.now() - started;
  }

  async end(): Promise<void> {
    this.encoder.end();
    for (const queue of this.#queues) queue.end();
    const sent = performance.now();
    await Promise.all(this.#ends);
    this.#times.postgresMs += performance.now() - sent;
    // Postgres has answered to all that was sent: no buffer is read any more.
    for (const reuse of this.#reuseAtEnd.splice(0)) reuse();
    checkAllStored(
      this.#copies.reduce((sum, copy) => sum + (copy.rowCount ?? 0), 0),
      this.rows,
    );
  }

  async abort(): Promise<void> {
    // The error's text goes to Postgres, which closes the connection at one of more than 10 kB; a store may say anything.
    for (const copy of this.#copies) copy.destroy(new Error('the loader has given up the file'));
    await Promise.allSettled(this.#ends);
  }

  /** With several clients each counts its own rows, and none knows the file's lines. */
  lineOf(error: unknown): number | undefined {
    const row = this.#copies.length === 1 ? rowOfCopyError(error, this.#statement) : undefined;
    return row === undefined ? undefined : this.lineOfRow(row);
  }

  lineOfRow(row: number): number | undefined {
    return this.encoder.lineMap.lineOf(row);
  }
}
