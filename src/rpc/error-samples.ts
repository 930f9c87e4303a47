import type { ErrorBody } from '../errors/error-body.ts';
import { unknownParameter } from './params.ts';

/** Params that a method refuses, and the `error` that it answers; a test has the server answer each. */
export interface ErrorSample {
  params: object;
  error: ErrorBody;
}

const NEVER_LOADED: ErrorSample = {
  params: { bucket: 's3://never-loaded' },
  error: { message: 'Bucket <s3://never-loaded> was never loaded. Start with aidbox.bulk/load-from-bucket.' },
};

const LOAD = 'aidbox.bulk/load-from-bucket';

/** By method, on a server that has loaded nothing, with the default settings; each is answered with 422. */
const SAMPLES: Readonly<Record<string, readonly ErrorSample[]>> = {
  [LOAD]: [
    {
      params: { bucket: 's3://your-bucket-id', 'upsert?': true, 'drop-primary-key?': true },
      error: {
        message: 'Invalid params',
        method: LOAD,
        errors: [
          {
            message: 'contradicts upsert?: existing resources are found by the primary key',
            path: 'drop-primary-key?',
            type: 'custom',
          },
        ],
      },
    },
    {
      params: { bucket: 'file:///srv/exports' },
      error: {
        message: 'folder-not-allowed: it is not in a folder that LOADER_FILE_ROOTS names (file:///srv/exports)',
        code: 'folder-not-allowed',
      },
    },
  ],
  [`${LOAD}-status`]: [NEVER_LOADED],
  [`${LOAD}-cancel`]: [NEVER_LOADED],
  [`${LOAD}-retry`]: [NEVER_LOADED],
  'fhir-bucket-loader/history': [
    NEVER_LOADED,
    { params: { run: 41 }, error: { message: 'There is no run 41; the records of old runs are deleted.' } },
  ],
  'fhir-bucket-loader/convert': [
    {
      params: { resource: { resourceType: 'Observation', id: 'o-1', value: { string: 'a' }, valueString: 'b' } },
      error: {
        message:
          'id "o-1", Observation.valueString: "value" and "valueString" are two forms of one element, and only one could be stored',
        code: 'two-forms',
      },
    },
  ],
  'fhir-bucket-loader/resolve': [
    {
      params: { types: ['no type'] },
      error: {
        message: 'Invalid params',
        method: 'fhir-bucket-loader/resolve',
        errors: [{ message: 'must be a resource type', path: 'types.0', type: 'invalid_format' }],
      },
    },
  ],
};

/**
 * Samples of what a method refuses: its own, and a parameter that it has not.
 * @param params of a good call
 * @param known names of the method's parameters
 */
export function errorSamples(method: string, params: object, known: readonly string[]): ErrorSample[] {
  const unknown = { message: unknownParameter(known), path: 'no-such-parameter', type: 'unrecognized_keys' };
  return [
    ...(SAMPLES[method] ?? []),
    {
      params: { ...params, 'no-such-parameter': 1 },
      error: { message: 'Invalid params', method, errors: [unknown] },
    },
  ];
}

/** What `/rpc` answers by HTTP status before a method is called; a test has the server answer each with a sample. */
export const TRANSPORT_ERRORS: Readonly<Record<number, { when: string; error?: ErrorBody }>> = {
  400: {
    when: 'The body cannot be read, or is not a request.',
    error: { message: 'A batch has 1 to 100 requests; this one has 0.' },
  },
  401: { when: 'No credentials, or wrong ones.', error: { message: 'Wrong client id or secret.' } },
  403: {
    when: 'A browser sent the request for a page of another site.',
    error: { message: 'Pages of other sites may not call.' },
  },
  413: { when: 'The body has more than 1 MiB.', error: { message: 'The body is too large.' } },
  415: {
    when: 'The body is neither JSON nor YAML.',
    error: { message: 'Send JSON (content-type: application/json) or YAML (content-type: text/yaml).' },
  },
  421: { when: 'No secret is set, and the request names a host other than localhost.' },
  429: { when: 'Wrong credentials, again and again.' },
  500: {
    when: 'Something unexpected.',
    error: { message: 'Internal error. The server log has the details.' },
  },
  503: {
    when: 'The database cannot be reached, the server is shutting down, or too many calls came at once. Try again.',
  },
};
