import { z } from 'zod';
import { defineMethod } from './rpc-method.ts';
import { bucketParam } from './source-params.ts';

/** Each run in progress costs a look at its bucket's files. */
const MOST_RUNS = 100;

const number = z.int().min(1);

const params = z
  .strictObject({
    bucket: bucketParam.optional(),
    limit: number.max(MOST_RUNS).default(20).describe('Most runs in the answer.'),
    before: number.optional().describe('Only runs with a lower number: the `next-before` of the answer before.'),
    run: number.optional().describe('One run, with all calls that are kept and its rate curve.'),
  })
  .refine(({ run, bucket, before }) => run === undefined || (bucket === undefined && before === undefined), {
    path: ['run'],
    error: 'is the number of one run: leave out bucket and before',
  });

/** What was loaded when, by whom and how. */
export const history = defineMethod({
  name: 'fhir-bucket-loader/history',
  description:
    'Lists the runs of a bucket, or of all buckets, the latest first. A run is a load from its first call until its last replica ' +
    'has ended; later calls that join are listed in it. Its figures are counted from the LoaderFiles and stay when these are ' +
    'deleted. The latest 1,000 runs of each bucket are kept. Not in Aidbox.',
  params,
  async handle({ run, ...query }, { loader }) {
    return await loader.queries.history(run === undefined ? query : { run });
  },
});
