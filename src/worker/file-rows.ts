import type pg from 'pg';
import { type Failure, toFailure } from '../errors/failure.ts';
import { FileError } from '../errors/file-error.ts';
import { isLoadable } from '../fhir/loadable-types.ts';
import { lineOfCopyError } from '../pipeline/copy-position.ts';
import { type CopyRowsOptions, copyRows } from '../pipeline/copy-rows.ts';
import { createTransform } from '../pipeline/create-transform.ts';
import { type BadLine, lenientCopy, TooManyBadLines } from '../pipeline/lenient-copy.ts';
import type { LineMap } from '../pipeline/line-map.ts';
import type { RowCounts } from '../pipeline/row-counts.ts';
import type { StageTimes } from '../pipeline/stage-times.ts';
import type { ObjectBytes } from '../source/object-source.ts';
import { replaceLoaderErrors } from '../store/loader-error/replace-loader-errors.ts';
import { markDone } from '../store/loader-file/finish-loader-file.ts';
import { nextTxid } from '../store/next-txid.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import { decideCommit } from '../target/partitioned/commit-decision.ts';
import type { FilePartitions } from '../target/partitioned/file-partitions.ts';
import { encoderFor, insertTarget, isDuplicateInFile, upsertTarget } from '../target/row-target.ts';
import type { FileFigures, FileTask } from './file-task.ts';
import type { LoadFileOptions } from './load-file.ts';

/** A file in the queue whose type no file may be loaded into: Aidbox, or a server with other settings, has put it there. */
class TypeWithheldError extends FileError {
  override readonly name = 'TypeWithheldError';

  constructor(type: string) {
    super(`files of type ${type} are not loaded unless the server's LOADER_RESOURCE_TYPES names it`, {
      source: 'aidbox',
      code: 'type-not-loadable',
    });
  }
}

/** The rows of one attempt at a file, on their way from the source into the transaction that is given, and their counters. */
export class FileRows {
  readonly #task: Omit<FileTask, 'port'>;
  readonly #options: LoadFileOptions;
  readonly #reader: ObjectBytes;
  readonly #started = performance.now();
  #counts: RowCounts = { rows: 0, bytesIn: 0, busyMs: 0 };
  readonly #times: StageTimes = { gunzipMs: 0, postgresMs: 0 };
  #lines: LineMap | undefined;
  #badLines: readonly BadLine[] = [];

  constructor(task: Omit<FileTask, 'port'>, options: LoadFileOptions) {
    this.#task = task;
    this.#options = options;
    this.#reader = options.source.open(task, options.signal);
  }

  /** Writes all rows into the table, and the LoaderFile's `done` (or, with partitions, the decision for it) beside them. */
  async write(client: pg.PoolClient, table: ResourceTable, partitions: FilePartitions): Promise<void> {
    const { id, type, transform, upsert } = this.#task;
    const { loadableTypes, signal } = this.#options;
    if (!isLoadable(type, loadableTypes)) throw new TypeWithheldError(type);
    const txid = await nextTxid(client);
    const target = upsert ? upsertTarget(table, type, txid) : insertTarget(table, type, txid);
    const encoder = encoderFor(target, createTransform(transform, type), this.#options);
    const copy = { statement: target.statement, encoder, signal, times: this.#times };
    if (partitions.clients.length > 0) {
      await copyRows([client, ...partitions.clients], this.#reader.read(), copy, this.#start);
      await decideCommit(client, id, { attempt: partitions.attempt, loaded: this.#counts.rows });
      await this.recordBadLines(client);
      await partitions.prepare();
      return;
    }
    await target.prepare(client);
    await this.#copy(client, copy);
    await target.complete(client, this.#counts.rows);
    await markDone(client, id, this.#counts.rows, this.#badLines.length);
    await this.recordBadLines(client);
  }

  /** Keeps the bad lines that were found, in the place of those of an earlier load of the file. */
  async recordBadLines(client: pg.ClientBase): Promise<void> {
    const { id, bucket, key, type } = this.#task;
    await replaceLoaderErrors(client, { id, bucket, file: key, type }, this.#badLines);
  }

  /** What an error of `write` says of the file, with its line where that is known. */
  failureOf(error: unknown): Failure {
    if (error instanceof TooManyBadLines) this.#badLines = error.badLines;
    const failure = toFailure(error, this.#lines === undefined ? undefined : lineOfCopyError(error, this.#lines));
    if (!isDuplicateInFile(error)) return failure;
    return { ...failure, message: `${failure.message}; with upsert? an id may still stand only once in a file` };
  }

  figures(): FileFigures {
    return {
      bytes: this.#reader.bytes,
      rows: this.#counts.rows,
      linesLeftOut: this.#badLines.length,
      rawBytes: this.#counts.bytesIn,
      resumes: this.#reader.resumes,
      totalMs: performance.now() - this.#started,
      s3Ms: this.#reader.waitMs,
      encodeMs: this.#counts.busyMs,
      ...this.#times,
    };
  }

  async #copy(client: pg.PoolClient, copy: CopyRowsOptions): Promise<void> {
    const { maxErrors } = this.#task;
    if (maxErrors > 0) {
      const options = { ...copy, maxErrors };
      this.#badLines = (await lenientCopy(client, this.#reader.read(), options, this.#start)).badLines;
      return;
    }
    await copyRows([client], this.#reader.read(), copy, (encoder) => {
      this.#lines = encoder.lines;
      this.#start(encoder);
    });
  }

  readonly #start = (counts: RowCounts): void => {
    this.#counts = counts;
    this.#options.onStart(() => ({ bytes: this.#reader.bytes, rows: counts.rows }));
  };
}
