import { Command } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { CliError, EXIT, EXIT_CODES_HELP } from '../exit-codes.ts';
import { followLoad } from '../follow-load.ts';
import { printAnswer } from '../print-answer.ts';
import {
  ACCOUNT_HELP,
  ACCOUNT_OPTIONS,
  type AccountOptions,
  accountOf,
  saysWhose,
  withAccountOptions,
} from '../s3-account.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

interface RetryOptions extends AccountOptions, ServerOptions {
  prefix?: string[];
  load?: boolean;
  follow?: boolean;
}

const EXPLANATION = `
A load in progress takes the files at once. Without one, they have to be loaded: with --load, or by the load command with
--retry-failed, which has all of its options. Credentials are never stored, so the server cannot begin by itself: the
options of the bucket's account go with --load.

Examples:
  $ fhir-bucket-loader retry s3://hospital
  $ fhir-bucket-loader retry s3://hospital --load --follow`;

/** `retry s3://bucket`: aidbox.bulk/load-from-bucket-retry. */
export function retryCommand(): Command {
  const command = new Command('retry')
    .description('Put the failed files of a bucket back into the queue.')
    .addArgument(bucketArgument())
    .option(
      '--prefix <prefix>',
      'only files whose keys start with this; may be repeated',
      (value, before: string[] = []) => [...before, value],
    )
    .option('--load', 'load them at once, with the defaults of the load command')
    .option('-f, --follow', 'with --load: show the progress until the load has ended');
  return withServerOptions(withAccountOptions(command))
    .addHelpText('after', `${ACCOUNT_HELP}\n${EXIT_CODES_HELP}\n${EXPLANATION}`)
    .action(async (bucket: string, options: RetryOptions) => {
      if (options.load !== true) refuseLoadOptions(options);
      const prefixes = options.prefix ?? [];
      const client = clientOf(options);
      // What is missing is said before anything is changed.
      const account = options.load === true ? await accountOf(bucket, options) : undefined;
      printAnswer(await client.rpc('aidbox.bulk/load-from-bucket-retry', { bucket, prefixes }), options);
      if (options.load !== true) return;
      const params = { bucket, prefixes, ...(account === undefined ? {} : { account }) };
      printAnswer(await client.rpc('aidbox.bulk/load-from-bucket', params), options);
      if (options.follow === true)
        process.exitCode = await followLoad(client, bucket, { json: options.json === true, begun: true });
    });
}

function refuseLoadOptions(options: RetryOptions): void {
  if (options.follow === true) throw new CliError(EXIT.usage, '--follow requires --load.');
  if (saysWhose(options)) throw new CliError(EXIT.usage, `${ACCOUNT_OPTIONS} require --load.`);
}
