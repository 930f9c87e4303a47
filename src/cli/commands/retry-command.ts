import { Command } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { printAnswer } from '../print-answer.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

interface RetryOptions extends ServerOptions {
  prefix?: string[];
}

const EXPLANATION = `
A load under way takes the files at once. When none is, run the load command again: credentials are never stored, so
the server cannot begin by itself.

Example:
  $ fhir-bucket-loader retry s3://hospital && fhir-bucket-loader load s3://hospital --follow`;

/** `retry s3://bucket`: aidbox.bulk/load-from-bucket-retry. */
export function retryCommand(): Command {
  const command = new Command('retry')
    .description('Put the failed files of a bucket back into the queue.')
    .addArgument(bucketArgument())
    .option(
      '--prefix <prefix>',
      'only files whose keys start with this; may be repeated',
      (value, before: string[] = []) => [...before, value],
    );
  return withServerOptions(command)
    .addHelpText('after', EXPLANATION)
    .action(async (bucket: string, options: RetryOptions) => {
      const prefixes = options.prefix ?? [];
      printAnswer(await clientOf(options).rpc('aidbox.bulk/load-from-bucket-retry', { bucket, prefixes }), options);
    });
}
