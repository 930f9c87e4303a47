import { Command } from 'commander';
import { z } from 'zod';
import { optionalBucketArgument } from '../bucket-argument.ts';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { followLoad } from '../follow-load.ts';
import { exitCodeOf, parseStatus, readStatus } from '../load-status.ts';
import { printJson, printLines } from '../print-lines.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';
import { statusDetails, statusLine } from '../status-text.ts';

interface StatusOptions extends ServerOptions {
  follow?: boolean;
}

const EXAMPLES = `
A load that is still in progress is exit code 0; with --follow its end decides.

Examples:
  $ fhir-bucket-loader status
  $ fhir-bucket-loader status s3://hospital --follow
  $ fhir-bucket-loader status s3://hospital --json | jq '."eta-seconds"'`;

const PLAIN_COLUMNS = 100;

/** `status [s3://bucket]`: aidbox.bulk/load-from-bucket-status, verbose; all loads without a bucket. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description('Show how far a load is: bytes, files, rates, time left, failures. Without a bucket: all loads.')
    .addArgument(optionalBucketArgument())
    .option('-f, --follow', 'show the progress until the load has ended');
  return withServerOptions(command)
    .addHelpText('after', `${EXIT_CODES_HELP}\n${EXAMPLES}`)
    .action(async (bucket: string | undefined, options: StatusOptions) => {
      const client = clientOf(options);
      const json = options.json === true;
      if (bucket === undefined) {
        if (options.follow === true) command.error('error: --follow requires a bucket');
        const loads = await client.loads();
        for (const load of loads) {
          if (json) printJson(load);
          else printLines([loadLine(load)]);
        }
        const none = 'No bucket was ever loaded. See: fhir-bucket-loader load --help';
        if (loads.length === 0) printLines([none], json ? process.stderr : process.stdout);
        return;
      }
      if (options.follow === true) {
        process.exitCode = await followLoad(client, bucket, { json });
        return;
      }
      const status = await readStatus(client, bucket);
      const columns = process.stdout.isTTY ? process.stdout.columns : PLAIN_COLUMNS;
      if (json) printJson(status);
      else printLines(statusDetails(bucket, status, columns));
      process.exitCode = exitCodeOf(status);
    });
}

const namedSchema = z.looseObject({ bucket: z.string() });

function loadLine(load: unknown): string {
  const { bucket = '?' } = namedSchema.safeParse(load).data ?? {};
  return `${bucket}: ${statusLine(parseStatus(load))}`;
}
