import { readCommandLine } from './command-line.ts';
import { fillWithProgress } from './fill-with-progress.ts';
import { toInteger } from './parse-options.ts';
import { runUntilEnd, untilInterrupted } from './run-until-end.ts';
import { startS3Endpoint } from './s3-endpoint.ts';

const DEFAULT_RESOURCES = 20_000;
const DEFAULT_PORT = 9000;

// An S3 endpoint on this machine with one bucket of generated FHIR files, for trying the server out by hand.
await runUntilEnd(async ({ signal, defer }) => {
  const { data, texts } = readCommandLine({ resources: DEFAULT_RESOURCES, texts: ['port'] });
  const endpoint = await startS3Endpoint(toInteger('--port', texts['port'], DEFAULT_PORT, 0));
  defer(() => endpoint.close());
  const { account } = endpoint;
  await fillWithProgress(account, 'fhir-demo', data, signal);
  process.stdout.write(
    `Key id ${account['access-key-id']}, secret ${account['secret-access-key']}, region ${account.region}. Ctrl-C ends it.\n`,
  );
  return await untilInterrupted(signal);
});
