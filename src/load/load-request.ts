import type { SourceAddress } from '../source/sources.ts';
import { type NamedWriteOptions, type WriteOptions, writeOptionsOf } from '../store/bucket-load/write-options.ts';
import type { Scheduler } from './schedule.ts';

export type { Caller } from '../store/load-run/run-call.ts';

/** One call of `aidbox.bulk/load-from-bucket`, its defaults filled in. Carries the source's secrets: never log it. */
export interface LoadRequest {
  /** Names the bucket, in LoaderFiles as well; `source` says where it is. */
  bucket: string;
  /** Files loaded at once. */
  threadNum: number;
  source: SourceAddress;
  write: WriteOptions;
  scheduler: Scheduler;
  prefixes: readonly string[];
  /** Bad lines of a file that are left out and recorded before the file fails. */
  maxErrors: number;
  /** Whether objects that have changed since they were loaded are loaded again; with `upsert` only. */
  reloadChanged: boolean;
}

/** A request with the call's number for its bucket, which a cancel refers to. */
export interface NumberedRequest extends LoadRequest {
  call: bigint;
}

/** How a call wants its rows written. */
export function writeOptionsOfCall(named: NamedWriteOptions): WriteOptions {
  return writeOptionsOf(named);
}
