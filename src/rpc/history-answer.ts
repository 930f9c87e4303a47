import { z } from 'zod';
import { count } from './answer-parts.ts';

const rates = (when: string) => ({
  'bytes-per-second': count(`Bytes per second, as stored, ${when}.`),
  'resources-per-second': count(`Resources per second, ${when}.`),
});

const caller = z
  .strictObject({
    user: z.string().optional().describe('Id of the client that has signed in; absent where the server asks for none.'),
    address: z.string().optional().describe('IP address of the caller, or of a proxy in front.'),
    via: z.enum(['command-line', 'page', 'api']).describe('The command line, the live page, or another program.'),
    agent: z.string().optional().describe('What that program calls itself (`user-agent`).'),
  })
  .describe('Who called, where that is known.');

const call = z.strictObject({
  call: z.int().min(1).describe('Its number for the bucket.'),
  at: z.string().describe('ISO 8601, UTC.'),
  caller,
  params: z
    .record(z.string(), z.unknown())
    .describe(
      'What it asked for, defaults filled in; of `account` the region, host and path style only, of `prefixes` the first 20 and ' +
        'how many more there were.',
    ),
  'new-files-count': count('Files that it has queued.'),
});

const run = z.strictObject({
  run: z.int().min(1).describe('Its number; a later run, of any bucket, has a higher one.'),
  bucket: z.string(),
  state: z
    .enum(['in-progress', 'completed', 'cancelled', 'given-up', 'interrupted'])
    .describe(
      '`completed`, also with failed files; `given-up`: the database was out of reach for ten minutes, or there was an unexpected ' +
        'error; `interrupted`: the server was shut down, all replicas died, or dropped indexes are not back. The next call begins ' +
        'another run.',
    ),
  reason: z.string().optional().describe('Why, where the state does not say it.'),
  start: z.string().describe('When the first replica began; ISO 8601, UTC.'),
  end: z
    .string()
    .optional()
    .describe('When the last replica ended, or was last seen where all died; absent while it is in progress.'),
  'duration-ms': count('From start to end, or until now; in ms.'),
  replicas: z.int().min(1).describe('Replicas that worked in it.'),
  files: z.strictObject({
    done: count('Files loaded in this run.'),
    error: count('Files that failed in this run, and were not loaded by it later.'),
    left: count('Files of the bucket that were still to be loaded at its end.'),
  }),
  resources: count('Resources of the loaded files.'),
  bytes: count('Bytes of the loaded files, as stored.'),
  'lines-left-out': count('Bad lines of the loaded files that `max-errors` left out.'),
  failures: z
    .array(
      z.strictObject({
        source: z.string().optional().describe('Who failed, as in LoaderFile.'),
        code: z.string().optional().describe('As in LoaderFile.'),
        files: z.int().min(1),
      }),
    )
    .describe('The failed files by cause, the commonest first, at most 100.'),
  rate: z.strictObject(rates('on average of the run')),
  'calls-count': count('Calls that are listed in it: its first, and those that joined.'),
  calls: z.array(call).describe('The first call; with `run` all, at most the first and the latest 99.'),
  curve: z
    .strictObject({
      'seconds-per-point': z.int().min(1).describe('A power of two, so that there are at most 300 points.'),
      points: z.array(
        z.strictObject({
          second: count('Seconds since the start of the run, where the point begins.'),
          ...rates('of all replicas, on average of the point'),
        }),
      ),
    })
    .optional()
    .describe(
      'Received from the source and sent to Postgres; seconds without a replica have no point. Only with `run`.',
    ),
});

/** What `fhir-bucket-loader/history` answers. */
export const historyAnswer = z.strictObject({
  runs: z.array(run).describe('The latest first.'),
  'next-before': z
    .int()
    .min(1)
    .optional()
    .describe('The `before` with which the runs that come next are asked for; absent when there are none.'),
});
