import type { TransformOptions } from '../pipeline/create-transform.ts';
import type { WriteOptions } from '../store/bucket-load/bucket-load.ts';

/** How the lines of a load's files become rows. */
export function transformOf(write: WriteOptions): TransformOptions {
  return {
    format: write.format,
    fhirVersion: write['fhir-version'],
    convertExtensions: write['convert-extensions'],
    keepLastUpdated: write['keep-last-updated?'],
  };
}
