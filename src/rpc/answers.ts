import { z } from 'zod';
import { count, message, progress, stayed } from './answer-parts.ts';
import { dryRunAnswer } from './dry-run-answer.ts';
import { historyAnswer } from './history-answer.ts';
import { statusAnswer } from './status-answer.ts';

const changedFiles = count('Files queued again for a changed object; only with `reload-changed?`.').optional();
const passedOverFiles = count(
  'Files left as they were loaded though their objects have changed since; absent when there are none, and with `reload-changed?`.',
).optional();

/** What each method answers, for the API's description; a test parses the server's answers with them. */
export const ANSWERS: Readonly<Record<string, z.ZodType>> = {
  'aidbox.bulk/load-from-bucket': z.strictObject({
    message,
    progress,
    'new-files-count': count('Files that this call has queued; with `dry-run?`, that it would queue.'),
    'changed-files-count': changedFiles,
    'passed-over-files-count': passedOverFiles,
    'dry-run': dryRunAnswer.optional().describe('Only with `dry-run?`.'),
  }),
  'aidbox.bulk/load-from-bucket-status': statusAnswer,
  'aidbox.bulk/load-from-bucket-cancel': z.strictObject({ message, progress }),
  'aidbox.bulk/load-from-bucket-retry': z.strictObject({
    message,
    progress,
    'retried-files-count': count('Failed files that are queued again.'),
  }),
  'fhir-bucket-loader/history': historyAnswer,
  'fhir-bucket-loader/convert': z.strictObject({
    resource: z.unknown().describe('The resource in the other form.'),
  }),
  'fhir-bucket-loader/resolve': z.strictObject({
    resources: count('Resources that were changed.'),
    resolved: count('References that have type and id now.'),
    ...stayed,
  }),
  'fhir-bucket-loader/watch': z.strictObject({
    message,
    progress,
    'new-files-count': count('Files that the first listing has queued.'),
    'changed-files-count': changedFiles,
    'passed-over-files-count': passedOverFiles,
    'survives-restart?': z.boolean().describe('Whether the watch goes on after the process that was called has ended.'),
  }),
  'fhir-bucket-loader/unwatch': z.strictObject({ message }),
};
