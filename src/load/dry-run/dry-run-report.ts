import type { LineCheck } from './line-check.ts';

/** What a dry run says beside the answer of a load; wire names. */
export interface DryRunReport {
  /** Files listed: `new`; `changed` where that was asked for; the others by the status of their LoaderFile. */
  files: Record<string, number>;
  /** Files that would be loaded: those that are new, changed, or wait from earlier calls. */
  'files-to-load': number;
  /** Of those, as stored. */
  bytes: number;
  /** The first of those, in the order of the listing. */
  'first-files': { file: string; type: string; size?: number; status: string }[];
  'ignored-files-count': number;
  'ignored-files': { file: string; reason: string }[];
  /** Of files whose lines become rows. */
  types: TypeReport[];
  /** Files that list what is to be deleted; absent where there are none. */
  deletions?: DeletionsReport | undefined;
  estimate: Estimate;
  disk: DiskReport;
  /** With `check-lines?`. */
  lines?: LineCheck;
}

export interface TypeReport {
  type: string;
  /** That would be loaded. */
  files: number;
  bytes: number;
  /** Absent where no file of the type was loaded before. */
  resources?: number;
  table: string;
  'table-exists': boolean;
  /** With `disable-idx?: auto`, for a table that has indexes besides its key: what a load would do with them, and why. */
  'index-choice'?: { indexes: 'dropped' | 'kept'; reason: string };
  /** What keeps the files from being loaded; empty where the table will do. */
  problems: string[];
}

export interface DeletionsReport {
  files: number;
  bytes: number;
  /** What keeps resources of the types in the files' names from being deleted; each with its table. */
  problems: string[];
}

export interface Estimate {
  /** Absent where a type has no past load. */
  resources?: number;
  seconds?: number;
  /** What the figures are taken from. */
  basis: string;
}

export interface DiskReport {
  'database-bytes': number;
  /** Absent where it cannot be estimated. */
  'needed-bytes'?: number;
  /** Absent where it is not known. */
  'free-bytes'?: number;
  basis: string;
}
