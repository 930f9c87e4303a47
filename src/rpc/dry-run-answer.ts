import { z } from 'zod';
import { count } from './answer-parts.ts';

const file = z.string().describe('Key of the object.');

const lines = z.strictObject({
  files: count('Files read.'),
  resources: count('Lines that would become rows; those of files of deletions do not.'),
  bytes: count('Bytes of ndjson, unpacked.'),
  'bad-lines-count': count('Lines that could not become rows.'),
  'bad-lines': z
    .array(z.strictObject({ file, line: count('From 1.'), code: z.string(), message: z.string() }))
    .describe('Of those, at most 100.'),
  'unreadable-files-count': count('Files that cannot be read to their end.'),
  'unreadable-files': z
    .array(
      z.strictObject({ file, message: z.string(), error: z.strictObject({ source: z.string(), code: z.string() }) }),
    )
    .describe('Of those, at most 100.'),
  'files-to-fail-count': count(
    'Files that would fail: unreadable, or with more bad lines than `max-errors`, lines included whose id stands in the file before or, ' +
      'without `upsert?`, in one listed earlier (not with `drop-primary-key?`).',
  ),
  'ids-in-two-files-count': count('Ids that stand in more than one file.'),
  'ids-twice-in-one-file-count': count(
    'Ids that stand more than once in a file; one that also stands in another file is in both counts.',
  ),
  'repeated-ids-count': count('Ids that stand more than once, each once.'),
  'repeated-ids': z
    .array(
      z.strictObject({
        type: z.string(),
        id: z.string(),
        places: z.array(z.strictObject({ file, line: count('From 1.') })).describe('The first, at most 10.'),
      }),
    )
    .describe('Of those, at most 100.'),
});

/** What a dry run says beside the answer of a load. */
export const dryRunAnswer = z.strictObject({
  files: z
    .record(z.string(), z.int())
    .describe('Files listed: `new`; `changed` with `reload-changed?`; the others by the status of their LoaderFile.'),
  'files-to-load': count('Files that are new, changed, or wait from earlier calls.'),
  bytes: count('Bytes of those, as stored.'),
  'first-files': z
    .array(z.strictObject({ file, type: z.string(), size: z.int().optional(), status: z.string() }))
    .describe('Those files, at most 1000; `status` as in `files`.'),
  'ignored-files-count': count('Objects that are not loaded for their names or types.'),
  'ignored-files': z.array(z.strictObject({ file, reason: z.string() })).describe('Of those, at most 100.'),
  types: z.array(
    z.strictObject({
      type: z.string(),
      files: count('Files of the type that would be loaded.'),
      bytes: count('Bytes of those, as stored.'),
      resources: count('Estimate; absent where none of the type was loaded before.').optional(),
      table: z.string().describe('With its schema.'),
      'table-exists': z.boolean().describe('false: it would be created.'),
      'index-choice': z
        .strictObject({ indexes: z.enum(['dropped', 'kept']), reason: z.string() })
        .optional()
        .describe(
          'With `disable-idx?: auto`: whether indexes would be dropped, and why; absent where there are none besides the key.',
        ),
      problems: z.array(z.string()).describe('What keeps the files from being loaded; empty where the table will do.'),
    }),
  ),
  deletions: z
    .strictObject({
      files: count('Files that list deleted resources.'),
      bytes: count('Bytes of those, as stored.'),
      problems: z
        .array(z.string())
        .describe('What keeps resources of the types in the names of files in `deleted/` from being deleted.'),
    })
    .optional()
    .describe('Only with `apply-deletions?`, where there are such files; they are in `files-to-load` and `bytes` too.'),
  estimate: z.strictObject({
    resources: count('Absent where a type has no past load.').optional(),
    seconds: count('Absent where there is no past load.').optional(),
    basis: z.string().describe('What the figures are taken from.'),
  }),
  disk: z.strictObject({
    'database-bytes': count('Size of the database.'),
    'needed-bytes': count('Absent where it cannot be estimated.').optional(),
    'free-bytes': count(
      'Absent where it is not known: Postgres does not report it. Known of an embedded one.',
    ).optional(),
    basis: z.string().describe('What the figures are taken from.'),
  }),
  lines: lines.optional().describe('Only with `check-lines?`.'),
});
