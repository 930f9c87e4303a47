import { Command } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { commandName } from '../command-name.ts';
import { type LoadOptions, loadParamsOf, withLoadOptions } from '../load-options.ts';
import { printAnswer } from '../print-answer.ts';
import { printLines } from '../print-lines.ts';
import { ACCOUNT_HELP } from '../s3-account.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

interface WatchOptions extends LoadOptions, ServerOptions {
  every: string;
  newKeysLast?: boolean;
}

const EXAMPLES = `
The bucket is listed by one replica at a time. With --server-credentials (and of a folder) the watch survives restarts;
credentials that travel with the call are never stored, so the watch ends with the process that was called. A cancel ends
the watch too; a listing that fails is shown by status and tried again after a minute, then after 2, 4 and so on.

Examples:
  $ fhir-bucket-loader watch s3://hospital --every 15m --server-credentials
  $ fhir-bucket-loader watch s3://hospital --every 1d --upsert --reload-changed --prefix nightly/
  $ fhir-bucket-loader unwatch s3://hospital`;

/** `watch s3://bucket --every 15m`: fhir-bucket-loader/watch. */
export function watchCommand(): Command {
  const command = new Command('watch')
    .description('Load a bucket, and go on loading what is new: it is listed again and again.')
    .addArgument(bucketArgument())
    .requiredOption('--every <time>', 'how often: 30s, 15m, 1h, 1d, up to 7d')
    .option('--new-keys-last', 'new objects have keys after all earlier ones: list only those, and all once a day');
  return withServerOptions(withLoadOptions(command))
    .addHelpText('after', `${ACCOUNT_HELP}\n${EXAMPLES}`)
    .action(async (bucket: string, options: WatchOptions) => {
      const params = await loadParamsOf(bucket, options);
      const client = clientOf(options);
      printAnswer(
        await client.rpc('fhir-bucket-loader/watch', {
          bucket,
          ...params,
          every: options.every,
          'new-keys-last?': options.newKeysLast === true,
        }),
        options,
      );
      if (options.json !== true) printLines([`See: ${commandName()} status ${bucket}`]);
    });
}
