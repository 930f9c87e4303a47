import { isDeletionFile } from '../fhir/deletion-files.ts';
import type { TransformOptions } from '../pipeline/create-transform.ts';
import type { WriteOptions } from '../store/bucket-load/write-options.ts';
import type { WriteMode } from '../target/create-target.ts';

/** How the lines of a load's files become rows. */
export function transformOf(write: WriteOptions): TransformOptions {
  return {
    format: write.format,
    fhirVersion: write.fhirVersion,
    convertExtensions: write.convertExtensions,
    keepLastUpdated: write.keepLastUpdated,
    requireLastUpdated: write.newestWins,
  };
}

/** What becomes of the rows of a load's file. */
export function writeModeOf(write: WriteOptions, file: { key: string; type: string }): WriteMode {
  const { upsert, history, newestWins, applyDeletions } = write;
  if (applyDeletions && isDeletionFile(file)) return { kind: 'delete', history };
  return upsert ? { kind: 'upsert', rules: { history, newestWins } } : { kind: 'insert' };
}
