import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Failure } from '../../errors/failure.ts';

/** Why a file failed: where the error comes from, and its code there. */
export type LoaderFileError = Pick<Failure, 'source' | 'code'>;

const countsByType = z.record(z.string(), z.number());

/** What became of a file's open references; what somebody else has written under this name is passed over. */
const referenceCountsSchema = z.object({
  resolved: z.number(),
  unresolved: countsByType,
  ambiguous: countsByType,
});

/** The resource as stored: all fields are optional, since Aidbox may have written it too. */
export const loaderFileSchema = z.looseObject({
  bucket: z.string().optional(),
  file: z.string().optional(),
  type: z.string().optional(),
  size: z.number().optional(),
  status: z.string().optional(),
  start: z.string().optional(),
  end: z.string().optional(),
  'last-modified': z.string().optional(),
  etag: z.string().optional(),
  loaded: z.number().optional(),
  created: z.number().optional(),
  updated: z.number().optional(),
  unchanged: z.number().optional(),
  older: z.number().optional(),
  deleted: z.number().optional(),
  missing: z.number().optional(),
  'lines-left-out': z.number().optional(),
  references: referenceCountsSchema.optional().catch(undefined),
  message: z.string().optional(),
  /** What was loaded of the object before it changed. */
  previous: z.record(z.string(), z.unknown()).optional().catch(undefined),
  error: z.object({ source: z.string(), code: z.string() }).partial().optional(),
});
export type LoaderFile = z.infer<typeof loaderFileSchema>;

/** `1 line left out`, `60 lines left out`: the words for it in every message. */
export function linesLeftOutText(lines: number): string {
  return `${lines} ${lines === 1 ? 'line' : 'lines'} left out`;
}

/** States in which a file still has to be loaded. */
export const UNFINISHED = ['pending', 'in-progress'];

/**
 * The id of an object's LoaderFile: a function of bucket and key, so that the primary key itself keeps two calls,
 * on any replicas, from adding one object twice. It is a UUID of version 8 ("custom", RFC 9562), which distinguishes it
 * from the ids of rows that Aidbox wrote.
 */
export function loaderFileId(bucket: string, key: string): string {
  const hex = hash('sha256', `${bucket}\0${key}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Ids of LoaderFiles as Postgres writes an array: they have nothing that it would take for something else, and pg makes arrays of texts in 2 kB of garbage a file. */
export function idArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}

/** A regular expression, in Postgres's syntax, for the ids that `loaderFileId` gives. */
export const LOADER_FILE_ID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$';
