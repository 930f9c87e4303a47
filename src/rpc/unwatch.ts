import { z } from 'zod';
import { defineMethod } from './rpc-method.ts';
import { bucketParam } from './source-params.ts';

/** Ends a watch. */
export const unwatch = defineMethod({
  name: 'fhir-bucket-loader/unwatch',
  description: 'Ends the watch of a bucket, on whatever replica it is. A load in progress goes on. Not in Aidbox.',
  params: z.strictObject({ bucket: bucketParam }),
  async handle({ bucket }, { loader }) {
    await loader.unwatch(bucket);
    return { message: `Bucket <${bucket}> is no longer watched. A load in progress goes on.` };
  },
});
