import { isDeletionFile } from '../fhir/deletion-files.ts';
import type { WriteOptions } from '../store/bucket-load/write-options.ts';
import type { UpsertRules } from './upsert/upsert-target.ts';

/** How a load writes its rows. Plain data: it crosses to a worker thread. */
export type WriteMode =
  | { kind: 'insert' }
  /** New rows, of which those that the history has as deleted become `recreated`; never with a dropped key. */
  | { kind: 'insert-versions' }
  | { kind: 'upsert'; rules: UpsertRules }
  /** The lines name what to delete, of any type. */
  | { kind: 'delete'; history: boolean };

/** How the rows of a load's file are written. */
export function writeModeOf(write: WriteOptions, file: { key: string; type: string }): WriteMode {
  const { upsert, history, newestWins, applyDeletions } = write;
  if (applyDeletions && isDeletionFile(file)) return { kind: 'delete', history };
  if (upsert) return { kind: 'upsert', rules: { history, newestWins } };
  return { kind: history ? 'insert-versions' : 'insert' };
}
