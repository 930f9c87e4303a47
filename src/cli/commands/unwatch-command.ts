import { Command } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { printAnswer } from '../print-answer.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

/** `unwatch s3://bucket`: fhir-bucket-loader/unwatch. */
export function unwatchCommand(): Command {
  const command = new Command('unwatch')
    .description('End the watch of a bucket. A load in progress goes on.')
    .addArgument(bucketArgument());
  return withServerOptions(command).action(async (bucket: string, options: ServerOptions) => {
    printAnswer(await clientOf(options).rpc('fhir-bucket-loader/unwatch', { bucket }), options);
  });
}
