import { z } from 'zod';
import { FORMATS } from '../fhir/resource-format.ts';
import { SCHEDULERS } from '../load/schedule.ts';
import { fhirVersionParam } from './convert-params.ts';
import { accountParam, bucketParam, prefixesParam, requestPayerParam, takesAccount } from './source-params.ts';

/** More slots than any database has use for; a typing error should not open a thousand connections. */
const MOST_THREADS = 128;

/** Each bad line costs a COPY of its own and a record. */
const MOST_ERRORS = 10_000;

const milliseconds = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .default(0);

/** What a load is told; the same for all methods that begin loads, each of which may add to it. */
export const loadParams = z
  .strictObject({
    bucket: bucketParam,
    'thread-num': z.int().min(1).max(MOST_THREADS).default(4).describe('Files loaded at once.'),
    account: accountParam.optional(),
    'request-payer': requestPayerParam,
    'disable-idx?': z
      .union([z.boolean(), z.literal('auto')], { error: 'must be true, false or "auto"' })
      .default(false)
      .describe(
        'Drop the indexes of the tables that are loaded, and restore those of a table as soon as its last file is in. ' +
          '`auto`: only where that pays, by the sizes of table and files; `dry-run?` and a verbose status say why. Aidbox has no `auto`.',
      ),
    'drop-primary-key?': z
      .boolean()
      .default(false)
      .describe('The same for the primary keys; nothing then checks for duplicates while loading.'),
    'upsert?': z
      .boolean()
      .default(false)
      .describe('Overwrite resources that exist; otherwise a file with an id that exists fails.'),
    'history?': z
      .boolean()
      .default(false)
      .describe(
        'The version that is overwritten (`upsert?`) or deleted (`apply-deletions?`) goes to `<type>_history` first, as Aidbox does. ' +
          'Not in Aidbox.',
      ),
    'newest-wins?': z
      .boolean()
      .default(false)
      .describe(
        'With `upsert?` and `keep-last-updated?`: a resource stays that was updated later than the one in the file, by its ' +
          '`ts`. Every line needs `meta.lastUpdated`. Not in Aidbox.',
      ),
    'apply-deletions?': z
      .boolean()
      .default(false)
      .describe(
        'Files in a folder `deleted/`, and files of type Bundle, list deleted resources, as transaction Bundles of deletes: these are ' +
          'deleted once all other files are finished. Not in Aidbox.',
      ),
    format: z
      .enum(FORMATS)
      .optional()
      .describe(
        "`fhir`: resources are converted to Aidbox's storage format, which Aidbox searches; files that are in it already " +
          'stay as they are. `as-is`: every line is stored as it stands. Default: `LOADER_FORMAT`, else `fhir`. Not in Aidbox.',
      ),
    'fhir-version': fhirVersionParam,
    'keep-last-updated?': z
      .boolean()
      .default(false)
      .describe('Store `meta.lastUpdated` as the row’s `ts`; otherwise `ts` is the time of the load. Not in Aidbox.'),
    'resolve-references?': z
      .boolean()
      .default(false)
      .describe(
        'Give conditional references, such as `Practitioner?identifier=system|value`, and `urn:uuid:…` the `resourceType` and `id` ' +
          'that they mean. Types that others refer to are loaded first. Not in Aidbox.',
      ),
    scheduler: z.enum(SCHEDULERS).default('optimal').describe('The order in which files are begun.'),
    prefixes: prefixesParam,
    'connect-timeout': milliseconds.describe('Time to connect to S3, in ms, before the file has failed. 0: no limit.'),
    'read-timeout': milliseconds.describe(
      'Time without a byte from S3, in ms, before the file has failed; 0: no limit. Also the time for a page of the ' +
        "bucket's listing, of 1000 objects, before the call has failed; 0: 30 s.",
    ),
    'max-errors': z
      .int()
      .min(0)
      .max(MOST_ERRORS)
      .default(0)
      .describe('Bad lines of a file that are left out and kept as LoaderError before the file fails. Not in Aidbox.'),
    'reload-changed?': z
      .boolean()
      .default(false)
      .describe(
        'Queue files again whose object has another ETag or size than the one that was loaded, or failed. With `upsert?` only: ' +
          'its resources exist. Not in Aidbox.',
      ),
  })
  .refine((given) => given['upsert?'] || !given['reload-changed?'], {
    path: ['reload-changed?'],
    error: 'needs upsert?: the resources of a file that was loaded before exist',
  })
  .refine((given) => !(given['keep-last-updated?'] && given.format === 'as-is'), {
    path: ['keep-last-updated?'],
    error: 'needs format: fhir; as it is, a resource keeps its meta',
  })
  .refine((given) => !(given['resolve-references?'] && given.format === 'as-is'), {
    path: ['resolve-references?'],
    error: 'needs format: fhir; as it is, a resource keeps its references',
  })
  .refine((given) => !(given['resolve-references?'] && given['drop-primary-key?']), {
    path: ['resolve-references?'],
    error: 'contradicts drop-primary-key?: what a reference means is found by the primary key',
  })
  .refine((given) => !given['history?'] || given['upsert?'] || given['apply-deletions?'], {
    path: ['history?'],
    error: 'needs upsert? or apply-deletions?: without them nothing is overwritten or deleted',
  })
  .refine((given) => !(given['apply-deletions?'] && given['drop-primary-key?']), {
    path: ['drop-primary-key?'],
    error: 'contradicts apply-deletions?: deleted resources are found by the primary key',
  })
  .refine((given) => !given['newest-wins?'] || given['upsert?'], {
    path: ['newest-wins?'],
    error: 'needs upsert?: without it nothing is overwritten',
  })
  .refine((given) => !given['newest-wins?'] || given['keep-last-updated?'], {
    path: ['newest-wins?'],
    error: 'needs keep-last-updated?: otherwise ts is the time of the load, whatever the resource says',
  })
  .refine((given) => !(given['upsert?'] && given['drop-primary-key?']), {
    path: ['drop-primary-key?'],
    error: 'contradicts upsert?: existing resources are found by the primary key',
  })
  .refine(({ account, bucket }) => account === undefined || takesAccount(bucket), {
    path: ['account'],
    error: 'is for s3:// buckets only: a folder is read as the user that the server runs as',
  })
  .refine(({ 'request-payer': payer, bucket }) => payer === undefined || takesAccount(bucket), {
    path: ['request-payer'],
    error: 'is for s3:// buckets only',
  });
