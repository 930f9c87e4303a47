import type { S3Client } from '@aws-sdk/client-s3';
import type pg from 'pg';
import { lineOfCopyError } from '../copy/copy-position.ts';
import { copyRows } from '../copy/copy-rows.ts';
import { type BadLine, copyTolerantly, TooManyBadLines } from '../copy/copy-tolerantly.ts';
import type { LineMap } from '../copy/line-map.ts';
import type { RowCounts } from '../copy/row-counts.ts';
import type { StageTimes } from '../copy/stage-times.ts';
import { replaceLoaderErrors } from '../db/loader-error/replace-loader-errors.ts';
import { markDone, markFailed, markPending } from '../db/loader-file/finish-loader-file.ts';
import { lockFile } from '../db/loader-file/lock-file.ts';
import { nextTxid } from '../db/next-txid.ts';
import { ObjectReader } from '../s3/object-reader.ts';
import { failUnfinishedFile } from './fail-unfinished-file.ts';
import { type FileFault, toFileFault } from './file-fault.ts';
import type { FileFigures, FileOutcome, FileProgress, FileTask } from './file-task.ts';
import { encoderFor, insertTarget, isDuplicateInFile, upsertTarget } from './write-rows.ts';

export interface LoadFile {
  pool: pg.Pool;
  s3: S3Client;
  maxLineBytes: number;
  signal: AbortSignal;
  /** Called before the rows are streamed; the function it is given tells how far they are. */
  onStart: (progress: () => FileProgress) => void;
}

/**
 * Loads one claimed file in one transaction: the lock on its LoaderFile, its rows, its count and its `done` commit
 * together, or none of them does. A fault rolls the rows back to a savepoint, and `error` commits under the same lock.
 * Never throws: whatever happens is an outcome.
 */
export async function loadFile(task: Omit<FileTask, 'port'>, options: LoadFile): Promise<FileOutcome> {
  const run = new FileRun(task, options);
  let client: pg.PoolClient;
  try {
    client = await options.pool.connect();
  } catch (error) {
    return { kind: 'retry', fault: toFileFault(error) };
  }
  let broken: Error | undefined;
  try {
    return await run.inOneTransaction(client);
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
    return await run.afterFailedCommit(broken);
  } finally {
    // A connection that failed outside of the savepoint is not used again: Postgres rolls back what it held.
    client.release(broken);
  }
}

/** One attempt at one file, with its counters. */
class FileRun {
  readonly #task: Omit<FileTask, 'port'>;
  readonly #options: LoadFile;
  readonly #reader: ObjectReader;
  readonly #started = performance.now();
  readonly #times: StageTimes = { gunzipMs: 0, postgresMs: 0 };
  #counts: RowCounts = { rows: 0, bytesIn: 0, busyMs: 0 };
  #lines: LineMap | undefined;
  #badLines: readonly BadLine[] = [];

  constructor(task: Omit<FileTask, 'port'>, options: LoadFile) {
    this.#task = task;
    this.#options = options;
    this.#reader = new ObjectReader(options.s3, task, {
      readTimeoutMs: task.timeouts.readTimeoutMs,
      signal: options.signal,
    });
  }

  async inOneTransaction(client: pg.PoolClient): Promise<FileOutcome> {
    const { id } = this.#task;
    await client.query('begin');
    if (!(await lockFile(client, id, ['in-progress']))) {
      await client.query('rollback');
      return { kind: 'lost' };
    }
    // Losing this commit in a crash of Postgres loses the rows and the `done` together: the file is loaded again.
    await client.query('set local synchronous_commit = off; savepoint no_rows');
    const outcome = await this.#tryRows(client);
    if (outcome.kind !== 'done') {
      await client.query('rollback to savepoint no_rows');
      if (outcome.kind === 'failed') {
        await markFailed(client, id, outcome.fault.message, { source: outcome.fault.source, code: outcome.fault.code });
        await this.#recordBadLines(client);
      } else await markPending(client, id, outcome.kind === 'retry' ? outcome.fault.message : undefined);
    }
    await client.query('commit');
    return outcome;
  }

  /**
   * After a transaction that could not commit. Where Postgres refused it (a deferred constraint) the file has failed;
   * where the connection is lost nobody knows, and the LoaderFile's own status tells at the next claim.
   */
  async afterFailedCommit(error: Error): Promise<FileOutcome> {
    const fault = toFileFault(error);
    if (fault.transient || this.#options.signal.aborted) return { kind: 'retry', fault };
    const { pool } = this.#options;
    try {
      const marked = await failUnfinishedFile(pool, this.#task.id, fault);
      return marked ? { kind: 'failed', fault, figures: this.#figures() } : { kind: 'lost' };
    } catch (cause) {
      return { kind: 'retry', fault: toFileFault(cause) };
    }
  }

  async #tryRows(client: pg.PoolClient): Promise<Exclude<FileOutcome, { kind: 'lost' }>> {
    try {
      await this.#writeRows(client);
      return { kind: 'done', figures: this.#figures() };
    } catch (error) {
      if (this.#options.signal.aborted) return { kind: 'stopped' };
      const fault = this.#faultOf(error);
      return fault.transient ? { kind: 'retry', fault } : { kind: 'failed', fault, figures: this.#figures() };
    }
  }

  async #writeRows(client: pg.PoolClient): Promise<void> {
    const { id, type, upsert, maxErrors } = this.#task;
    const { signal, maxLineBytes, onStart } = this.#options;
    const txid = await nextTxid(client);
    const target = upsert ? upsertTarget(type, txid) : insertTarget(type, txid);
    await target.prepare(client);
    const copy = {
      statement: target.statement,
      encoder: encoderFor(target, type, maxLineBytes),
      signal,
      times: this.#times,
    };
    const start = (counts: RowCounts) => {
      this.#counts = counts;
      onStart(() => ({ bytes: this.#reader.bytes, rows: counts.rows }));
    };
    if (maxErrors === 0) {
      await copyRows(client, this.#reader.read(), copy, (encoder) => {
        this.#lines = encoder.lines;
        start(encoder);
      });
    } else {
      const { badLines } = await copyTolerantly(client, this.#reader.read(), { ...copy, maxErrors }, start);
      this.#badLines = badLines;
    }
    const copied = performance.now();
    await target.complete(client);
    this.#times.postgresMs += performance.now() - copied;
    const left = this.#badLines.length;
    await markDone(client, id, this.#counts.rows, left === 0 ? undefined : `${left} bad lines were left out`);
    await this.#recordBadLines(client);
  }

  async #recordBadLines(client: pg.ClientBase): Promise<void> {
    const { id, bucket, key, type } = this.#task;
    await replaceLoaderErrors(client, { id, bucket: `s3://${bucket}`, file: key, type }, this.#badLines);
  }

  #faultOf(error: unknown): FileFault {
    const line = this.#lines === undefined ? undefined : lineOfCopyError(error, this.#lines);
    if (error instanceof TooManyBadLines) this.#badLines = error.badLines;
    const fault = toFileFault(error, line);
    if (!isDuplicateInFile(error)) return fault;
    return { ...fault, message: `${fault.message}; with upsert? an id may still stand only once in a file` };
  }

  #figures(): FileFigures {
    return {
      bytes: this.#reader.bytes,
      rows: this.#counts.rows,
      rawBytes: this.#counts.bytesIn,
      resumes: this.#reader.resumes,
      totalMs: Math.round(performance.now() - this.#started),
      s3Ms: Math.round(this.#reader.waitMs),
      gunzipMs: Math.round(this.#times.gunzipMs),
      encodeMs: Math.round(this.#counts.busyMs),
      postgresMs: Math.round(this.#times.postgresMs),
    };
  }
}
