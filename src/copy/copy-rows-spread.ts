import { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { CopyRows } from './copy-rows.ts';
import { readNdjson } from './read-ndjson.ts';
import type { RowCounts } from './row-counts.ts';
import { type EncoderOptions, RowEncoder } from './row-encoder.ts';
import type { StageTimes } from './stage-times.ts';

/**
 * As `copyRows`, but deals the rows of one file to a COPY on each of `clients`, so that several backends work on it.
 * When anything fails all of the COPYs are made to fail.
 */
export async function copyRowsSpread(
  clients: readonly pg.ClientBase[],
  bytes: AsyncIterable<Buffer>,
  { statement, encoder: options, signal, times }: CopyRows,
  onStart: (counts: RowCounts) => void,
): Promise<RowCounts> {
  const copies = clients.map((client) => client.query(copyFrom(statement, { highWaterMark: options.chunkBytes })));
  const dealer = new RowDealer(options, copies, times);
  onStart(dealer.counts);
  // Every COPY has its end awaited from the start: a failure of one must not go unnoticed while another is written to.
  const ends = copies.map((copy) => finished(copy));
  const failed = Promise.all(ends).then(() => new Promise<never>(() => {}));
  try {
    const source = Readable.from(readNdjson(bytes, times), { highWaterMark: 2 });
    await Promise.race([pipeline(source, dealer, { signal }), failed]);
    await Promise.all(ends);
  } catch (error) {
    dealer.destroy();
    const reason = error instanceof Error ? error : new Error(String(error));
    for (const copy of copies) copy.destroy(reason);
    await Promise.allSettled(ends);
    signal.throwIfAborted();
    throw error;
  }
  const taken = copies.reduce((sum, copy) => sum + (copy.rowCount ?? 0), 0);
  if (taken !== dealer.counts.rows) throw new Error(`COPY took ${taken} of ${dealer.counts.rows} rows`);
  return dealer.counts;
}

/** Encodes rows and writes each to the COPY that its id decides; as fast as the slowest of them takes its share. */
class RowDealer extends Writable {
  readonly #encoder: RowEncoder;
  readonly #copies: readonly Writable[];
  readonly #times: StageTimes;

  constructor(options: EncoderOptions, copies: readonly Writable[], times: StageTimes) {
    super({ highWaterMark: options.chunkBytes });
    this.#copies = copies;
    this.#times = times;
    this.#encoder = new RowEncoder(
      options,
      copies.map((copy) => (chunk: Buffer) => void copy.write(chunk)),
    );
  }

  get counts(): RowCounts {
    return this.#encoder;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      this.#encoder.write(chunk);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#drained().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    try {
      this.#encoder.end();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    for (const copy of this.#copies) copy.end();
    done();
  }

  async #drained(): Promise<void> {
    const started = performance.now();
    for (const copy of this.#copies) {
      if (!copy.writableNeedDrain || copy.destroyed) continue;
      await new Promise<void>((resolve) => {
        copy.once('drain', resolve);
        copy.once('close', resolve);
        copy.once('error', resolve);
      });
    }
    this.#times.postgresMs += performance.now() - started;
  }
}
