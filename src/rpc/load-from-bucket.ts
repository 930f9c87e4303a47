import { z } from 'zod';
import type { LoadStarted } from '../load/load-calls.ts';
import type { LoadRequest } from '../load/load-request.ts';
import { changedCounts } from './changed-counts.ts';
import { describeDryRun } from './describe-dry-run.ts';
import { describeNotes } from './describe-notes.ts';
import { describeStart } from './describe-start.ts';
import { loadParams } from './load-params.ts';
import { loadRequestOf } from './load-request-of.ts';
import { recordedParams } from './recorded-params.ts';
import { defineMethod } from './rpc-method.ts';

const params = loadParams
  .safeExtend({
    'dry-run?': z
      .boolean()
      .default(false)
      .describe(
        'Only say what the call would do: which files, types and tables, how many resources, how long, how much disk. Nothing ' +
          'is queued or written. Not in Aidbox.',
      ),
    'check-lines?': z
      .boolean()
      .default(false)
      .describe(
        'With `dry-run?`: read every file that would be loaded, and report bad lines and ids that stand twice. Takes about as ' +
          'long as the load; closing the connection ends it. Not in Aidbox.',
      ),
  })
  .refine((given) => given['dry-run?'] || !given['check-lines?'], {
    path: ['check-lines?'],
    error: 'needs dry-run?; a load leaves bad lines out with max-errors',
  });

/** Lists a bucket, queues its new files and starts to load them. Aidbox documents it in "Bulk import from an S3 bucket". */
export const loadFromBucket = defineMethod({
  name: 'aidbox.bulk/load-from-bucket',
  description:
    'Lists a bucket, queues its new `.ndjson.gz`, `.ndjson.zst` and `.ndjson` files and starts to load them. Answers as soon as they are queued.',
  params,
  async handle(given, { loader, conversion, caller, signal }) {
    const request = loadRequestOf(given, conversion);
    const note = async () => (request.write.format === 'fhir' ? await loader.queries.conversionNote() : undefined);
    if (given['dry-run?']) {
      const { report, ...preview } = await loader.dryRun(request, { checkLines: given['check-lines?'] }, signal);
      const { passedOverNote, notes } = preview;
      const found = [
        `Dry run of bucket <${request.bucket}>; nothing is queued or written.`,
        describeDryRun(report),
        ...(passedOverNote === undefined ? [] : [passedOverNote]),
      ];
      const message = `${found.join(' ')}${describeNotes(notes)}`;
      return { ...answerOf(request, message, preview, await note()), 'dry-run': report };
    }
    const started = await loader.load(request, signal, { caller, params: recordedParams(given) });
    return answerOf(request, describeStart(request, started), started, await note());
  },
});

function answerOf(request: LoadRequest, done: string, started: LoadStarted, note: string | undefined) {
  return {
    message: `${done}${note === undefined ? '' : ` ${note}`}`,
    progress: { total: started.totalFiles },
    'new-files-count': started.newFiles,
    ...changedCounts(request, started),
  };
}
