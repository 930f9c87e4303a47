import type { MessagePort } from 'node:worker_threads';
import type { Failure } from '../errors/failure.ts';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import type { TransformOptions } from '../pipeline/create-transform.ts';
import type { ObjectToRead } from '../source/object-source.ts';
import type { SourceAddress, SourceOptions } from '../source/sources.ts';
import type { DatabaseAddress } from '../store/connection-options.ts';
import type { OutcomeCounts } from '../store/loader-file/stored-rows.ts';
import type { WriteMode } from '../target/write-mode.ts';
import type { LoadToResolve } from './file-references.ts';

/** What every worker thread knows from its start. */
export interface WorkerSetup {
  database: DatabaseAddress;
  /** Nodes that take rows past the coordinator of Citus; none: all goes by `database`. */
  dataAddresses: readonly DatabaseAddress[];
  maxLineBytes: number;
  /** From `createLineMemory`: all threads share it. */
  lineMemory: SharedArrayBuffer;
  loadableTypes: LoadableTypes;
  sources: SourceOptions;
}

/** One claimed file to load. Plain data, and a port for `FileProgress` one way and `'stop'` the other. */
export interface FileTask extends ObjectToRead {
  /** The LoaderFile's id. */
  id: string;
  /** The bucket as LoaderFiles name it. */
  bucket: string;
  source: SourceAddress;
  type: string;
  /** How the file's lines become rows. */
  transform: TransformOptions;
  /** Set where open references are resolved. */
  references?: LoadToResolve | undefined;
  writeMode: WriteMode;
  /** Whether no row may be written while the loader has dropped the table's primary key. */
  requiresPrimaryKey: boolean;
  /** Bad lines that may be left out; 0 fails the file at the first. */
  maxErrors: number;
  /** Backends that the file's rows are split across; more than one only for plain inserts, by two-phase commit. */
  backends: number;
  /** An object of the same source that is likely to be wanted when this one has been read: its first bytes are read meanwhile. */
  next: ObjectToRead | undefined;
  port: MessagePort;
}

export interface FileProgress {
  /** Bytes of the object received. */
  bytes: number;
  /** Rows written to COPY. */
  rows: number;
}

/** What loading a file took. */
export interface FileFigures extends FileProgress, OutcomeCounts {
  /** Bad lines that were left out, or that made the file fail. */
  linesLeftOut: number;
  /** Bytes of ndjson, unpacked. */
  rawBytes: number;
  /** How often a broken S3 body was resumed. */
  resumes: number;
  /** From claim to commit, in ms. */
  totalMs: number;
  /** Of that, the stages overlapping: waiting for bytes of S3. */
  s3Ms: number;
  /** Unpacking. */
  gunzipMs: number;
  /** Scanning lines and writing rows. */
  encodeMs: number;
  /** Waiting for Postgres to take the rows. */
  postgresMs: number;
}

export type FileOutcome =
  /** Rows and `done` are committed. */
  | { kind: 'done'; figures: FileFigures }
  /** The LoaderFile says `error`; no row stayed. */
  | { kind: 'failed'; failure: Failure; figures: FileFigures }
  /** No row stayed; the file is still to be loaded and may well be. */
  | { kind: 'retry'; failure: Failure }
  /** Somebody else has the file, or it is finished or deleted. */
  | { kind: 'lost' }
  /** The primary key that its load relies on is dropped by now; the file is back in the queue, without a row. */
  | { kind: 'primary-key-dropped' }
  /** It refers to what files that are not loaded yet may bring; the file is back in the queue, without a row. */
  | { kind: 'too-early' }
  /** Stopped on request; no row stayed. */
  | { kind: 'stopped' };
