import { readCommandLine } from './command-line.ts';
import { fillWithProgress } from './fill-with-progress.ts';
import { UsageError } from './parse-options.ts';
import { runUntilEnd } from './run-until-end.ts';

const DEFAULT_RESOURCES = 20_000;

// Puts generated FHIR files into a bucket of a store that runs already; what docker-compose.yml seeds its store with.
await runUntilEnd(async ({ signal }) => {
  const { data, texts } = readCommandLine({ resources: DEFAULT_RESOURCES, texts: ['endpoint', 'bucket'] });
  const account = {
    'access-key-id': required(process.env['AWS_ACCESS_KEY_ID'], 'AWS_ACCESS_KEY_ID'),
    'secret-access-key': required(process.env['AWS_SECRET_ACCESS_KEY'], 'AWS_SECRET_ACCESS_KEY'),
    region: process.env['AWS_REGION'] ?? 'us-east-1',
    host: required(texts['endpoint'], '--endpoint'),
  };
  await fillWithProgress(account, texts['bucket'] ?? 'fhir-demo', data, signal);
  return 0;
});

function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new UsageError(`${name} is missing`);
  return value;
}
