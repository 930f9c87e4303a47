import { z } from 'zod';
import { defineMethod } from './rpc-method.ts';
import { bucketParam } from './source-params.ts';

/** Tells how far a bucket is (seed, "aidbox.bulk/load-from-bucket-status"). */
export const loadFromBucketStatus = defineMethod({
  name: 'aidbox.bulk/load-from-bucket-status',
  description: 'Tells the state and the progress of the load of a bucket.',
  params: z.strictObject({
    bucket: bucketParam,
    verbose: z
      .boolean()
      .default(false)
      .describe(
        'Add bytes, rate, time left, figures per type, files in work, failed files and missing indexes. Not in Aidbox.',
      ),
  }),
  async handle({ bucket, verbose }, { loader }) {
    const status = await loader.status(bucket);
    return verbose ? { ...status, ...(await loader.report(bucket)) } : status;
  },
});
