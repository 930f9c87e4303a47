import { z } from 'zod';
import { defineMethod } from './rpc-method.ts';
import { bucketParam } from './source-params.ts';

/** Stops a bucket's load on all replicas. The loader's own method; Aidbox has none. */
export const loadFromBucketCancel = defineMethod({
  name: 'aidbox.bulk/load-from-bucket-cancel',
  description:
    'Stops the load of a bucket on all replicas. Files in progress roll back and return to the queue; dropped indexes are ' +
    'restored. A watch of the bucket ends with it. Calling `aidbox.bulk/load-from-bucket` again continues.',
  params: z.strictObject({ bucket: bucketParam }),
  async handle({ bucket }, { loader }) {
    const { progress, watch } = await loader.cancel(bucket);
    const unwatched = watch === undefined ? '' : ' It is no longer watched; fhir-bucket-loader/watch does so again.';
    return { message: `Load from bucket <${bucket}> is being cancelled.${unwatched}`, progress };
  },
});
