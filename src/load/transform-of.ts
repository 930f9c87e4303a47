import type { TransformOptions } from '../pipeline/create-transform.ts';
import type { WriteOptions } from '../store/bucket-load/write-options.ts';

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
