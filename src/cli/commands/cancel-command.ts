import { Command } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { printAnswer } from '../print-answer.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

const EXPLANATION = `
Files in progress roll back and return to the queue; files that are done stay; dropped indexes are restored. The load
command as before continues. Who follows the load gets exit code 3.`;

/** `cancel s3://bucket`: aidbox.bulk/load-from-bucket-cancel. */
export function cancelCommand(): Command {
  const command = new Command('cancel')
    .description('Stop the load of a bucket, on all replicas.')
    .addArgument(bucketArgument());
  return withServerOptions(command)
    .addHelpText('after', EXPLANATION)
    .action(async (bucket: string, options: ServerOptions) => {
      printAnswer(await clientOf(options).rpc('aidbox.bulk/load-from-bucket-cancel', { bucket }), options);
    });
}
