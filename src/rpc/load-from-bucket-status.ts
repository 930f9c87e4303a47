import { z } from 'zod';
import { bucketParam } from './params.ts';
import { defineMethod } from './rpc-method.ts';

/** Tells how far a bucket is (seed, "aidbox.bulk/load-from-bucket-status"). */
export const loadFromBucketStatus = defineMethod({
  name: 'aidbox.bulk/load-from-bucket-status',
  description: 'Tells the state and the progress of the load of a bucket.',
  params: z.strictObject({ bucket: bucketParam }),
  handle: async ({ bucket }, { loader }) => await loader.status(bucket),
});
