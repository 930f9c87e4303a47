import { z } from 'zod';
import { defineMethod } from './rpc-method.ts';
import { bucketParam } from './source-params.ts';

/** Stops a bucket's load on all replicas. The loader's own method; Aidbox has none. */
export const loadFromBucketCancel = defineMethod({
  name: 'aidbox.bulk/load-from-bucket-cancel',
  description:
    'Stops the load of a bucket on all replicas. Files in progress roll back and return to the queue; dropped indexes are ' +
    'restored. Calling `aidbox.bulk/load-from-bucket` again continues.',
  params: z.strictObject({ bucket: bucketParam }),
  async handle({ bucket }, { loader }) {
    const { progress } = await loader.cancel(bucket);
    return { message: `Load from bucket <${bucket}> is being cancelled.`, progress };
  },
});
