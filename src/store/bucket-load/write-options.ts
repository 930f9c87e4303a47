import { z } from 'zod';
import { FHIR_VERSIONS, type FhirVersion } from '../../fhir/fhir-versions.ts';
import { FORMATS, type Format } from '../../fhir/resource-format.ts';

/** How the rows of a bucket are written; one way at a time, on all replicas. */
export interface WriteOptions {
  upsert: boolean;
  /** Whether versions that are overwritten or deleted go to the history table. */
  history: boolean;
  /** Whether a resource that was updated later than the file's stays. */
  newestWins: boolean;
  /** Whether files that list deleted resources delete them. */
  applyDeletions: boolean;
  disableIndexes: boolean;
  dropPrimaryKey: boolean;
  format: Format;
  fhirVersion: FhirVersion;
  /** The server's BOX_FHIR_CORRECT_AIDBOX_FORMAT. */
  convertExtensions: boolean;
  keepLastUpdated: boolean;
  /** Whether open references get the type and id that they mean. */
  resolveReferences: boolean;
}

/** The names that users know them by, which are also stored. */
const STORED_NAMES = {
  upsert: 'upsert?',
  history: 'history?',
  newestWins: 'newest-wins?',
  applyDeletions: 'apply-deletions?',
  disableIndexes: 'disable-idx?',
  dropPrimaryKey: 'drop-primary-key?',
  format: 'format',
  fhirVersion: 'fhir-version',
  convertExtensions: 'convert-extensions',
  keepLastUpdated: 'keep-last-updated?',
  resolveReferences: 'resolve-references?',
} as const satisfies Record<keyof WriteOptions, string>;

/** All write options. */
export const WRITE_OPTIONS = [
  'upsert',
  'history',
  'newestWins',
  'applyDeletions',
  'disableIndexes',
  'dropPrimaryKey',
  'format',
  'fhirVersion',
  'convertExtensions',
  'keepLastUpdated',
  'resolveReferences',
] as const satisfies readonly (keyof WriteOptions)[];

/** The name that users know an option by. */
export function storedName(option: keyof WriteOptions): string {
  return STORED_NAMES[option];
}

/** Reads the options as `toStored` wrote them. */
export const storedOptionsSchema = z
  .object({
    'upsert?': z.boolean(),
    'disable-idx?': z.boolean(),
    'drop-primary-key?': z.boolean(),
    // A call of an earlier version of the loader, which stored every line as it stood, has noted none of these.
    format: z.enum(FORMATS).default('as-is'),
    'fhir-version': z.enum(FHIR_VERSIONS).default('r4'),
    'convert-extensions': z.boolean().default(true),
    'keep-last-updated?': z.boolean().default(false),
    'resolve-references?': z.boolean().default(false),
    'history?': z.boolean().default(false),
    'newest-wins?': z.boolean().default(false),
    'apply-deletions?': z.boolean().default(false),
  })
  .transform(
    (stored): WriteOptions => ({
      upsert: stored['upsert?'],
      history: stored['history?'],
      newestWins: stored['newest-wins?'],
      applyDeletions: stored['apply-deletions?'],
      disableIndexes: stored['disable-idx?'],
      dropPrimaryKey: stored['drop-primary-key?'],
      format: stored.format,
      fhirVersion: stored['fhir-version'],
      convertExtensions: stored['convert-extensions'],
      keepLastUpdated: stored['keep-last-updated?'],
      resolveReferences: stored['resolve-references?'],
    }),
  );

/** The options as they are stored, under the names that users know. */
export function toStored(options: WriteOptions): Record<string, unknown> {
  return Object.fromEntries(WRITE_OPTIONS.map((option) => [STORED_NAMES[option], options[option]]));
}
