import type { MessagePort } from 'node:worker_threads';
import type { Failure } from '../errors/failure.ts';
import type { TransformOptions } from '../pipeline/create-transform.ts';
import type { ObjectToRead } from '../source/object-source.ts';
import type { SourceAddress } from '../source/sources.ts';

/**
 * A file whose lines are read as a load reads them, and not stored. Plain data, and a port for its ids: each message is a
 * batch, and is answered by `'next'` when another may come; `'stop'` ends it.
 */
export interface CheckTask extends ObjectToRead {
  source: SourceAddress;
  type: string;
  transform: TransformOptions;
  /** Whether its lines are Bundles of deletes: they become no rows, and have no ids to compare. */
  listsDeletions: boolean;
  /** What stand for the file and its type beside its ids. */
  numbers: { type: number; file: number };
  /** Bad lines that the outcome names; all are counted. */
  mostBadLines: number;
  port: MessagePort;
}

/** A line that could not become a row. */
export interface CheckedLine {
  line: number;
  code: string;
  message: string;
}

export interface CheckOutcome {
  kind: 'checked';
  /** Lines that would become rows; none of a file of deletions. */
  rows: number;
  /** Of ndjson, unpacked. */
  rawBytes: number;
  badLinesCount: number;
  badLines: CheckedLine[];
  /** Why the file could not be read to its end. */
  failure?: Failure;
}
