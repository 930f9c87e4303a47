const caller = { user: 'root', address: '10.0.4.17', via: 'command-line', agent: 'fhir-bucket-loader/0.1.0' };

const RUN = {
  run: 41,
  bucket: 's3://your-bucket-id',
  state: 'completed',
  start: '2026-11-25T01:12:20.114Z',
  end: '2026-11-25T01:12:24.114Z',
  'duration-ms': 4_000,
  replicas: 2,
  files: { done: 5, error: 1, left: 0 },
  resources: 158_600,
  bytes: 25_840_000,
  'lines-left-out': 0,
  failures: [{ source: 'aidbox', code: 'id-missing', files: 1 }],
  rate: { 'bytes-per-second': 6_460_000, 'resources-per-second': 39_650 },
  'calls-count': 2,
  calls: [
    {
      call: 7,
      at: '2026-11-25T01:12:20.102Z',
      caller,
      params: { bucket: 's3://your-bucket-id', 'thread-num': 4, account: { region: 'us-east-1' }, 'upsert?': false },
      'new-files-count': 6,
    },
    {
      call: 8,
      at: '2026-11-25T01:12:21.480Z',
      caller: { ...caller, address: '10.0.4.18' },
      params: { bucket: 's3://your-bucket-id', 'thread-num': 4, account: { region: 'us-east-1' }, 'upsert?': false },
      'new-files-count': 0,
    },
  ],
};

/** An answer of each method, for the reference; a test compares their keys with what the server answers. */
export const ANSWER_EXAMPLES: Readonly<Record<string, { title: string; result: object }[]>> = {
  'aidbox.bulk/load-from-bucket': [
    {
      title: 'Answer',
      result: {
        message: 'Upload from bucket <s3://your-bucket-id> started. 6 new files added.',
        progress: { total: 6 },
        'new-files-count': 6,
      },
    },
    {
      title: 'Answer with `dry-run?` and `check-lines?`',
      result: {
        message:
          'Dry run of bucket <s3://your-bucket-id>; nothing is queued or written. 2 new files; 2 files would be loaded. ' +
          '2 files read, 208,799 resources: 1 bad line, 0 unreadable files, 1 id in more than one file, 0 ids more than once in a file. 1 file would fail.',
        progress: { total: 4 },
        'new-files-count': 2,
        'dry-run': {
          files: { new: 2, done: 4 },
          'files-to-load': 2,
          bytes: 34_000_000,
          'first-files': [
            { file: 'fhir/1/Patient.ndjson.gz', type: 'Patient', size: 17_000_000, status: 'new' },
            { file: 'fhir/2/Patient.ndjson.gz', type: 'Patient', size: 17_000_000, status: 'new' },
          ],
          'ignored-files-count': 1,
          'ignored-files': [
            { file: 'fhir/manifest.json', reason: 'the name does not end in .ndjson.gz, .ndjson.zst, .ndjson' },
          ],
          types: [
            {
              type: 'Patient',
              files: 2,
              bytes: 34_000_000,
              resources: 208_800,
              table: 'public.patient',
              'table-exists': true,
              problems: [],
            },
          ],
          estimate: {
            resources: 208_800,
            seconds: 6,
            basis: 'The time by the pace of the last 4 loads: 5700 kB/s, by all replicas, whatever the settings were.',
          },
          disk: {
            'database-bytes': 912_000_000,
            'needed-bytes': 456_000_000,
            basis:
              'By the size of a row in the tables, indexes included; WAL and what upsert? overwrites come on top. ' +
              'Postgres does not report how much disk is free.',
          },
          lines: {
            files: 2,
            resources: 208_799,
            bytes: 410_000_000,
            'bad-lines-count': 1,
            'bad-lines': [
              {
                file: 'fhir/2/Patient.ndjson.gz',
                line: 17,
                code: 'id-missing',
                message: 'line 17: the resource has no "id"; every resource needs one',
              },
            ],
            'unreadable-files-count': 0,
            'unreadable-files': [],
            'files-to-fail-count': 1,
            'ids-in-two-files-count': 1,
            'ids-twice-in-one-file-count': 0,
            'repeated-ids-count': 1,
            'repeated-ids': [
              {
                type: 'Patient',
                id: 'pt-1',
                places: [
                  { file: 'fhir/1/Patient.ndjson.gz', line: 1 },
                  { file: 'fhir/2/Patient.ndjson.gz', line: 104 },
                ],
              },
            ],
          },
        },
      },
    },
  ],
  'aidbox.bulk/load-from-bucket-status': [
    {
      title: 'Answer',
      result: { state: 'in-progress', progress: { total: 6, pending: 1, 'in-progress': 1, done: 4 } },
    },
    {
      title: 'Answer with `verbose: true`',
      result: {
        state: 'in-progress',
        progress: { total: 6, pending: 1, 'in-progress': 1, done: 3, error: 1 },
        bytes: { total: 34_000_000, done: 25_500_000, failed: 5_700_000 },
        resources: { loaded: 208_800 },
        rate: { 'bytes-per-second': 5_700_000, 'resources-per-second': 46_400 },
        'eta-seconds': 2,
        replicas: 1,
        types: [{ type: 'Patient', files: 6, done: 3, error: 1, bytes: 34_000_000, resources: 208_800 }],
        files: [
          {
            id: '5d22c160-5c03-8ab4-80bd-3856308e3ea4',
            file: 'fhir/1/Patient.ndjson.gz',
            type: 'Patient',
            size: 5_600_000,
            bytes: 2_100_000,
            resources: 17_200,
            start: '2026-11-25T01:12:22.000Z',
            stage: 'loading',
            replica: 'loader-0',
          },
        ],
        errors: [
          {
            id: 'b7d02f3e-19a8-8d61-8f0e-9fb0ce5d2a11',
            file: 'fhir/2/Patient.ndjson.gz',
            type: 'Patient',
            message: 'line 17: the resource has no "id"; every resource needs one',
            error: { source: 'aidbox', code: 'id-missing' },
          },
        ],
        failures: [
          {
            source: 'aidbox',
            code: 'id-missing',
            files: 1,
            example: {
              id: 'b7d02f3e-19a8-8d61-8f0e-9fb0ce5d2a11',
              file: 'fhir/2/Patient.ndjson.gz',
              message: 'line 17: the resource has no "id"; every resource needs one',
            },
            advice: 'Fix the export: each resource needs one `id`. Or leave bad lines out with `max-errors`.',
          },
        ],
        indexes: [{ table: 'patient', index: 'patient_resource_gin' }],
      },
    },
    {
      title: 'Answer after a load with `max-errors`',
      result: {
        state: 'completed',
        progress: { total: 6, done: 6 },
        'lines-left-out': 60,
        message:
          '60 lines left out (max-errors); GET /LoaderError?bucket=s3://your-bucket-id lists them with their errors.',
      },
    },
  ],
  'aidbox.bulk/load-from-bucket-cancel': [
    {
      title: 'Answer',
      result: {
        message: 'Load from bucket <s3://your-bucket-id> is being cancelled.',
        progress: { total: 6, pending: 1, 'in-progress': 1, done: 4 },
      },
    },
  ],
  'fhir-bucket-loader/history': [
    {
      title: 'Answer',
      result: {
        runs: [
          {
            ...RUN,
            calls: RUN.calls.slice(0, 1),
          },
        ],
        'next-before': 41,
      },
    },
    {
      title: 'Answer with `run: 41`',
      result: {
        runs: [
          {
            ...RUN,
            curve: {
              'seconds-per-point': 2,
              points: [
                { second: 0, 'bytes-per-second': 6_800_000, 'resources-per-second': 41_900 },
                { second: 2, 'bytes-per-second': 6_120_000, 'resources-per-second': 37_400 },
              ],
            },
          },
        ],
      },
    },
  ],
  'fhir-bucket-loader/resolve': [
    {
      title: 'Answer',
      result: { resources: 1200, resolved: 3105, unresolved: { Practitioner: 2 }, ambiguous: {} },
    },
  ],
  'fhir-bucket-loader/convert': [
    {
      title: 'Answer',
      result: {
        resource: {
          resourceType: 'Patient',
          id: 'pt-1',
          managingOrganization: { resourceType: 'Organization', id: 'o-1' },
        },
      },
    },
  ],
  'aidbox.bulk/load-from-bucket-retry': [
    {
      title: 'Answer',
      result: {
        message:
          '1 failed file of bucket <s3://your-bucket-id> queued again. Call aidbox.bulk/load-from-bucket to load them.',
        progress: { total: 6, pending: 1, done: 5 },
        'retried-files-count': 1,
      },
    },
  ],
  'fhir-bucket-loader/watch': [
    {
      title: 'Answer',
      result: {
        message:
          'Upload from bucket <s3://your-bucket-id> started. 6 new files added. From now on the bucket is listed every 15m. ' +
          'It survives restarts: it uses the credentials of the server.',
        progress: { total: 6 },
        'new-files-count': 6,
        'survives-restart?': true,
      },
    },
  ],
  'fhir-bucket-loader/unwatch': [
    {
      title: 'Answer',
      result: { message: 'Bucket <s3://your-bucket-id> is no longer watched. A load in progress goes on.' },
    },
  ],
};
