import { z } from 'zod';
import { FHIR_VERSIONS } from '../../fhir/fhir-versions.ts';
import { FORMATS } from '../../fhir/resource-format.ts';

/** A call of an earlier version of the loader, which knew nothing of the option, has not noted it. */
const later = z.boolean().default(false);

const writeOptionsSchema = z.object({
  upsert: z.boolean(),
  /** Whether versions that are overwritten or deleted go to the history table. */
  history: later,
  /** Whether a resource that was updated later than the file's stays. */
  newestWins: later,
  /** Whether files that list deleted resources delete them. */
  applyDeletions: later,
  /** `auto`: where that pays, by size. */
  disableIndexes: z.union([z.boolean(), z.literal('auto')]),
  dropPrimaryKey: z.boolean(),
  // The earlier versions that noted neither stored every line as it stood.
  format: z.enum(FORMATS).default('as-is'),
  fhirVersion: z.enum(FHIR_VERSIONS).default('r4'),
  /** The server's BOX_FHIR_CORRECT_AIDBOX_FORMAT. */
  convertExtensions: z.boolean().default(true),
  keepLastUpdated: later,
  /** Whether open references get the type and id that they mean. */
  resolveReferences: later,
});

/** How the rows of a bucket are written; one way at a time, on all replicas. */
export type WriteOptions = z.infer<typeof writeOptionsSchema>;

/** The names that users know them by, which are also stored. */
const NAMES = {
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

/** The options under the names that users know; further members are of no account. */
export type NamedWriteOptions = { [Option in keyof WriteOptions as (typeof NAMES)[Option]]: WriteOptions[Option] };

/** All write options. */
export const WRITE_OPTIONS = writeOptionsSchema.keyof().options;

/** The name that users know an option by. */
export function nameOfOption(option: keyof WriteOptions): string {
  return NAMES[option];
}

/** The options of a call. */
export function writeOptionsOf(named: NamedWriteOptions): WriteOptions {
  return parseNamed({ ...named });
}

/** Reads the options as `toStored` wrote them. */
export const storedOptionsSchema = z.record(z.string(), z.unknown()).transform(parseNamed);

/** The options as they are stored, under the names that users know. */
export function toStored(options: WriteOptions): Record<string, unknown> {
  return Object.fromEntries(WRITE_OPTIONS.map((option) => [NAMES[option], options[option]]));
}

function parseNamed(named: Readonly<Record<string, unknown>>): WriteOptions {
  return writeOptionsSchema.parse(Object.fromEntries(WRITE_OPTIONS.map((option) => [option, named[NAMES[option]]])));
}
