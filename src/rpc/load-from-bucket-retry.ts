import { z } from 'zod';
import { numberOf } from './number-of.ts';
import { defineMethod } from './rpc-method.ts';
import { bucketParam, prefixesParam } from './source-params.ts';

/** As many as a page of files has, and each a key of S3's longest. */
const MOST_FILES = 1_000;

/** Queues failed files again. The loader's own method; with Aidbox one deletes their LoaderFiles. */
export const loadFromBucketRetry = defineMethod({
  name: 'aidbox.bulk/load-from-bucket-retry',
  description:
    'Queues the failed files of a bucket again. A load in progress takes them; otherwise call ' +
    '`aidbox.bulk/load-from-bucket`, since credentials are never stored.',
  params: z.strictObject({
    bucket: bucketParam,
    prefixes: prefixesParam,
    files: z.array(z.string()).max(MOST_FILES).default([]).describe('Only files with these keys. Default: all.'),
    codes: z
      .array(z.string())
      .max(MOST_FILES)
      .default([])
      .describe('Only files that failed with one of these `error.code`s. Default: all.'),
  }),
  async handle({ bucket, ...choice }, { loader }) {
    const { retried, status } = await loader.retry(bucket, choice);
    const next =
      retried === 0 || status.state === 'in-progress' ? '' : ' Call aidbox.bulk/load-from-bucket to load them.';
    return {
      message: `${numberOf(retried, 'failed file')} of bucket <${bucket}> queued again.${next}`,
      progress: status.progress,
      'retried-files-count': retried,
    };
  },
});
