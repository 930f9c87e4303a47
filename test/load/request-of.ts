import type { NumberedRequest } from '../../src/load/load-request.ts';

/** A call for `s3://bucket` as `LoaderService` hands it to a load. */
export const requestOf = (change: Partial<NumberedRequest> = {}): NumberedRequest => ({
  bucket: 's3://bucket',
  threadNum: 2,
  source: {
    kind: 's3',
    bucket: 'bucket',
    account: { region: 'us-east-1' },
    timeouts: { connectTimeoutMs: 0, readTimeoutMs: 0 },
  },

  write: {
    upsert: false,
    history: false,
    newestWins: false,
    applyDeletions: false,
    disableIndexes: false,
    dropPrimaryKey: false,
    format: 'fhir',
    fhirVersion: 'r4',
    convertExtensions: true,
    keepLastUpdated: false,
    resolveReferences: false,
  },
  scheduler: 'optimal',
  prefixes: [],
  maxErrors: 0,
  reloadChanged: false,
  call: 1n,
  ...change,
});
