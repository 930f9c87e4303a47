import type pg from 'pg';
import { type Failure, toFailure } from '../errors/failure.ts';
import { FileError } from '../errors/file-error.ts';
import { isOfRow } from '../errors/sqlstate.ts';
import { isLoadable } from '../fhir/loadable-types.ts';
import { type BadLine, TooManyBadLines } from '../pipeline/bad-lines.ts';
import type { CopyFormat } from '../pipeline/copy-row-writer.ts';
import { DeletionTransform } from '../pipeline/deletion-transform.ts';
import { LineMemory } from '../pipeline/line-memory.ts';
import type { StageTimes } from '../pipeline/stage-times.ts';
import type { ObjectBytes } from '../source/object-source.ts';
import {
  deleteErrorsStatement,
  type ErrorOwner,
  insertLoaderErrors,
  replaceLoaderErrors,
} from '../store/loader-error.ts';
import { doneStatement, markDone } from '../store/loader-file/finish-loader-file.ts';
import type { OutcomeCounts } from '../store/loader-file/stored-rows.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import { Statements } from '../store/statement.ts';
import { transactionMicros } from '../store/transaction-stamps.ts';
import { copyRows } from '../target/copy-rows.ts';
import { createTarget } from '../target/create-target.ts';
import type { DirectCopy } from '../target/direct/direct-copy.ts';
import type { PartitionedCopy } from '../target/partitioned/partitioned-copy.ts';
import type { RowCopy } from '../target/row-copy.ts';
import { FileReferences } from './file-references.ts';
import type { FileFigures, FileTask } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

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
  readonly #bytes: ObjectBytes;
  readonly #references: FileReferences | undefined;
  readonly #started = performance.now();
  #copy: RowCopy | undefined;
  readonly #times: StageTimes = { gunzipMs: 0, postgresMs: 0 };
  #badLines: readonly BadLine[] = [];
  #outcomes: OutcomeCounts = {};
  readonly #parsed: boolean;
  #isUnparsed = false;

  /** @param parsed whether Postgres is to parse the rows before it hands them on, so that a failure names its line */
  constructor(task: Omit<FileTask, 'port'>, options: LoadFileOptions, parsed: boolean) {
    this.#task = task;
    this.#parsed = parsed;
    this.#options = options;
    this.#bytes = options.source.open(task, options.signal);
    const { bucket, references } = task;
    const { pool, signal } = options;
    this.#references = references && new FileReferences({ ...references, bucket, pool, signal });
  }

  /**
   * Writes all rows into the table, and the LoaderFile's `done` (or, with partitions, the decision for it) beside them.
   * @param ways.txid the file's number
   * @param ways.direct takes the rows, and commits them before the LoaderFile is `done`
   */
  async write(
    client: pg.PoolClient,
    table: ResourceTable | undefined,
    { txid, partitions, direct }: { txid: bigint; partitions?: PartitionedCopy | undefined; direct?: DirectCopy },
  ): Promise<void> {
    const { id, type, transform, writeMode, maxErrors } = this.#task;
    const { signal, maxLineBytes, buffers, transforms, rowHashes, loadableTypes, distributed } = this.#options;
    const lineMemory = new LineMemory(this.#options.lineMemory, signal);
    if (!isLoadable(type, loadableTypes)) throw new TypeWithheldError(type);
    const isDated = transform.keepLastUpdated && writeMode.kind !== 'delete';
    const defaultTs = isDated ? await transactionMicros(client) : undefined;
    const format = await this.#formatFor(client, table);
    const lenient = maxErrors > 0;
    const checksTypes = !(await distributed.isCitus(client));
    const target = createTarget(writeMode, { table, type, txid, defaultTs, format, checksTypes, lenient, distributed });
    if (partitions === undefined) await target.prepare(client);
    const { statement, constants } = target;
    this.#isUnparsed = target.format === 'text';
    const references = this.#references;
    const encoder = {
      transform:
        writeMode.kind === 'delete'
          ? new DeletionTransform(loadableTypes)
          : transforms.create(transform, type, references),
      constants,
      defaultTs,
      format: target.format,
      maxLineBytes,
      buffers,
      tally: references?.tally,
    };
    const lookAhead = references && ((chunk: Buffer) => references.lookAhead(chunk));
    const times = this.#times;
    const lookUp = target.lookUp && { rows: target.lookUp, hashes: rowHashes };
    const options = { statement, encoder, maxErrors, lookUp, lineMemory, signal, lookAhead, times };
    if (partitions !== undefined) {
      const { rows } = await copyRows([client, ...partitions.clients], this.#bytes.read(), options, this.#start);
      await this.recordBadLines(client);
      await partitions.prepare(client, rows, references && { references: references.tally.counts });
      return;
    }
    if (direct !== undefined) {
      const { rows } = await copyRows([direct.client], this.#bytes.read(), options, this.#start);
      const counts = references === undefined ? {} : { references: references.tally.counts };
      await direct.commit({ loaded: rows, counts });
      await markDone(client, id, { loaded: rows, outcomes: {} }, 0, references?.tally.counts);
      await this.recordBadLines(client);
      return;
    }
    const copy = await copyRows([client], this.#bytes.read(), options, this.#start);
    const stored = await target.complete(client, copy);
    this.#badLines = copy.badLines;
    this.#outcomes = stored.outcomes;
    const statements = new Statements();
    statements.add(doneStatement(id, stored, copy.badLines.length, references?.tally.counts));
    statements.add(deleteErrorsStatement([id]));
    await statements.send(client);
    await insertLoaderErrors(client, this.#owner, copy.badLines);
  }

  /** Keeps the bad lines that were found, in the place of those of an earlier load of the file. */
  async recordBadLines(client: pg.ClientBase): Promise<void> {
    await replaceLoaderErrors(client, this.#owner, this.#badLines);
  }

  get #owner(): ErrorOwner {
    const { id, bucket, key, type } = this.#task;
    return { id, bucket, file: key, type };
  }

  /** What an error of `write` says of the file, with its line where that is known; bytes damaged on the way come first. */
  async failureOf(error: unknown): Promise<Failure> {
    const failure = toFailure(error, this.#copy?.lineOf(error));
    const damage = blamesContent(failure) ? await this.#bytes.findDamage() : undefined;
    if (damage !== undefined) return toFailure(damage);
    if (error instanceof TooManyBadLines) this.#badLines = error.badLines;
    return failure;
  }

  /**
   * Whether a failure may be of a row whose line is not known since the rows were sent unparsed. Constraints (class 23) are
   * checked by workers however rows are sent.
   */
  lacksLine({ source, code, line, transient }: Failure): boolean {
    return this.#isUnparsed && line === undefined && source === 'postgres' && !transient && !code.startsWith('23');
  }

  figures(): FileFigures {
    return {
      bytes: this.#bytes.bytes,
      rows: this.#copy?.rows ?? 0,
      linesLeftOut: this.#badLines.length,
      ...this.#outcomes,
      rawBytes: this.#copy?.bytesIn ?? 0,
      resumes: this.#bytes.resumes,
      totalMs: performance.now() - this.#started,
      s3Ms: this.#bytes.waitMs,
      encodeMs: this.#copy?.busyMs ?? 0,
      ...this.#times,
    };
  }

  /** A worker of Citus that refuses a row names no line of it, so rows are parsed on the way where one may be left out. */
  async #formatFor(client: pg.PoolClient, table: ResourceTable | undefined): Promise<CopyFormat> {
    if (this.#parsed || this.#task.maxErrors > 0 || table === undefined) return 'binary';
    return (await this.#options.distributed.includes(client, table)) ? 'text' : 'binary';
  }

  readonly #start = (copy: RowCopy): void => {
    this.#copy = copy;
    this.#options.onStart(() => ({ bytes: this.#bytes.bytes, rows: copy.rows }));
  };
}

/**
 * Whether a failure may be of the file's bytes: what the loader finds in them, and rows that Postgres refuses, since bytes that
 * were damaged on the way can also make an id that exists.
 */
function blamesContent({ source, code }: Failure): boolean {
  return source === 'aidbox' ? code !== 'internal' : source === 'postgres' && isOfRow(code);
}
