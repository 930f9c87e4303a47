import { z } from 'zod';
import { defineMethod } from './rpc-method.ts';
import { bucketParam } from './source-params.ts';

/** Reports a bucket's state and progress. Aidbox documents it in "Bulk import from an S3 bucket". */
export const loadFromBucketStatus = defineMethod({
  name: 'aidbox.bulk/load-from-bucket-status',
  description: 'Reports the state and the progress of the load of a bucket.',
  params: z.strictObject({
    bucket: bucketParam,
    verbose: z
      .boolean()
      .default(false)
      .describe(
        'Add bytes, rate, time left, figures per type, files in progress, failed files and missing indexes. Not in Aidbox.',
      ),
  }),
  async handle({ bucket, verbose }, { loader }) {
    const status = await loader.queries.status(bucket);
    return verbose ? { ...status, ...(await loader.queries.report(bucket, status.state)) } : status;
  },
});
