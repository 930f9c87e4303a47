import { z } from 'zod';
import { count, progress, stayed } from './answer-parts.ts';

const state = z
  .enum(['in-progress', 'completed', 'interrupted'])
  .describe(
    '`in-progress`, also while indexes are rebuilt; `completed`: every file is done or error, every index is back; `interrupted`: something is left to do and nobody does it.',
  );
const error = z
  .strictObject({
    source: z.enum(['postgres', 'aws', 'aidbox']).optional().describe('Who failed.'),
    code: z.string().optional().describe("SQLSTATE, AWS's code, or one of the loader's own."),
  })
  .describe("As in the file's LoaderFile.");
const file = {
  id: z.string().describe('Id of the LoaderFile.'),
  file: z.string().describe('Key of the object.'),
  type: z.string().describe('Resource type.'),
};
const watch = z
  .strictObject({
    every: z.string().describe('The pace, as it was given.'),
    'next-listing-at': z.string().describe('ISO 8601, UTC; in the past while the bucket is being listed.'),
    'last-listing-at': z.string().describe('When it was last listed without failure.'),
    failures: count('Listings in a row that failed; absent when the last one did not.').optional(),
    message: z
      .string()
      .optional()
      .describe('Why the last listing failed, or why nobody lists any more; that objects were found late.'),
  })
  .optional()
  .describe('Only of a watched bucket.');
const verbose = {
  bytes: z
    .strictObject({
      total: count('Bytes of all objects, as stored.'),
      done: count('Of those, bytes of files that have ended, and received of files in flight.'),
      failed: count('Of those, bytes of files that failed.'),
    })
    .optional()
    .describe('Only with `verbose`.'),
  resources: z
    .strictObject({
      loaded: count('Resources committed, and sent of files in flight.'),
      created: count('With `upsert?`: of those, new.').optional(),
      updated: count('Of those, overwritten.').optional(),
      unchanged: count('Of those, stored the same already.').optional(),
      older: count('With `newest-wins?`: not of those; a later one was stored, and stays.').optional(),
      deleted: count('With `apply-deletions?`: deleted, of those that files of deletions name.').optional(),
      missing: count('The others of these: they were not there.').optional(),
    })
    .optional()
    .describe('Only with `verbose`.'),
  references: z
    .strictObject({ resolved: count('They have type and id.'), ...stayed })
    .optional()
    .describe(
      'Open references of the files that are done, as they were loaded; only with `verbose`, for a load with `resolve-references?`.',
    ),
  rate: z
    .strictObject({
      'bytes-per-second': count('Bytes per second, as stored, now, of all replicas.'),
      'resources-per-second': count('Resources per second, now, of all replicas.'),
    })
    .optional()
    .describe('Only with `verbose`.'),
  'eta-seconds': count(
    'Seconds until the last file ends at this rate; only with `verbose`, absent when nothing moves.',
  ).optional(),
  replicas: count('Replicas that load files of the bucket now; only with `verbose`.').optional(),
  types: z
    .array(
      z.strictObject({
        type: z.string(),
        files: count('Files of the type.'),
        done: count('Of those, loaded.'),
        error: count('Of those, failed.'),
        bytes: count('Bytes, as stored.'),
        resources: count('Resources committed.'),
      }),
    )
    .optional()
    .describe('Only with `verbose`.'),
  files: z
    .array(
      z.strictObject({
        ...file,
        size: count('Bytes, as stored.'),
        bytes: count('Bytes received so far.'),
        resources: count('Resources sent so far; not committed.'),
        start: z.string().describe('ISO 8601, UTC.'),
        stage: z
          .enum(['starting', 'loading', 'committing'])
          .describe(
            '`starting`: connects, or waits for a lock or the first bytes; `loading`; `committing`: all bytes are there.',
          ),
        replica: z
          .string()
          .optional()
          .describe('Host name of the replica that loads it; absent until it has reported.'),
      }),
    )
    .optional()
    .describe('Files in flight, at most 100; only with `verbose`.'),
  errors: z
    .array(z.strictObject({ ...file, message: z.string(), error }))
    .optional()
    .describe('Failed files, at most 100; only with `verbose`.'),
  failures: z
    .array(
      z.strictObject({
        ...error.shape,
        source: z.string().optional(),
        files: z.int().min(1).describe('Files that failed of this cause.'),
        example: z
          .strictObject({ id: file.id, file: file.file, message: z.string() })
          .describe('The first of them, by key.'),
        advice: z.string().optional().describe('What to do; Markdown. Absent for codes that the guide does not know.'),
      }),
    )
    .optional()
    .describe('Failed files by cause, the most frequent first, at most 50 causes; only with `verbose`.'),
  indexes: z
    .array(
      z.strictObject({
        table: z.string(),
        index: z.string(),
        message: z.string().optional().describe('Why it is not back; absent while the load runs.'),
      }),
    )
    .optional()
    .describe('Dropped indexes that are not back; only with `verbose`.'),
  'index-choices': z
    .array(z.strictObject({ table: z.string(), indexes: z.enum(['dropped', 'kept']), reason: z.string() }))
    .optional()
    .describe('What a load with `disable-idx?: auto` has chosen for each table, and why; only with `verbose`.'),
};

/** What `load-from-bucket-status` answers. */
export const statusAnswer = z.strictObject({
  state,
  progress,
  'lines-left-out': count('Bad lines that `max-errors` left out; absent when there are none.').optional(),
  'passed-over-files-count': count(
    'Files that the latest listing has left as they were loaded though their objects had changed, for want of `reload-changed?`; absent when there are none.',
  ).optional(),
  message: z
    .string()
    .optional()
    .describe(
      'What the load waits for, why it was given up, which indexes are not back, that lines were left out or changed objects passed over; else absent.',
    ),
  watch,
  ...verbose,
});
