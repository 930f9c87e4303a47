import { describeNotes } from './describe-notes.ts';
import { loadParams, toLoadRequest } from './load-params.ts';
import { recordedParams } from './recorded-params.ts';
import { defineMethod } from './rpc-method.ts';

/** Lists a bucket, queues its new files and starts to load them. Aidbox documents it in "Bulk import from an S3 bucket". */
export const loadFromBucket = defineMethod({
  name: 'aidbox.bulk/load-from-bucket',
  description:
    'Lists a bucket, queues its new `.ndjson.gz`, `.ndjson.zst` and `.ndjson` files and starts to load them. Answers as soon as they are queued.',
  params: loadParams,
  async handle(given, { loader, conversion, caller, signal }) {
    const request = toLoadRequest(given, conversion);
    const started = await loader.load(request, signal, { caller, params: recordedParams(given) });
    const note = request.write.format === 'fhir' ? await loader.conversionNote() : undefined;
    return {
      message:
        `Upload from bucket <${request.bucket}> started. ${started.newFiles} new files added.` +
        `${describeNotes(started.notes)}${note === undefined ? '' : ` ${note}`}`,
      progress: { total: started.totalFiles },
      'new-files-count': started.newFiles,
    };
  },
});
