import { Command } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { commandName } from '../command-name.ts';
import { dryRun } from '../dry-run.ts';
import { CliError, EXIT, EXIT_CODES_HELP } from '../exit-codes.ts';
import { followLoad } from '../follow-load.ts';
import { type LoadOptions, loadParamsOf, withLoadOptions } from '../load-options.ts';
import { printAnswer } from '../print-answer.ts';
import { printLines } from '../print-lines.ts';
import { ACCOUNT_HELP } from '../s3-account.ts';
import type { ServerClient } from '../server-client.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

interface LoadCommandOptions extends LoadOptions, ServerOptions {
  follow?: boolean;
  retryFailed?: boolean;
  dryRun?: boolean;
  checkLines?: boolean;
}

const EXAMPLES = `
Files are named <Type>…ndjson, …ndjson.gz or …ndjson.zst, as Patient.000.ndjson.gz, in any folder; one resource a line.
Each file is loaded exactly once: calling again loads what is new or was not finished.

Examples:
  $ fhir-bucket-loader load s3://hospital --follow
  $ fhir-bucket-loader load s3://hospital --prefix 2026/ --thread-num 8 --disable-idx --follow
  $ fhir-bucket-loader load s3://hospital --host http://minio:9000 --region us-east-1
  $ fhir-bucket-loader load s3://hospital --server-credentials --json
  $ fhir-bucket-loader load s3://hospital --dry-run --check-lines`;

/** `load s3://bucket`: aidbox.bulk/load-from-bucket; each option is the method's parameter of that name. */
export function loadCommand(): Command {
  const command = new Command('load')
    .description('Load the new files of a bucket. Returns as soon as they are queued, or at the end with --follow.')
    .addArgument(bucketArgument())
    .option('-f, --follow', 'show the progress until the load has ended')
    .option('--dry-run', 'only say what would be loaded, into which tables, how long it takes and how much disk')
    .option('--check-lines', 'with --dry-run: read every file, and report bad lines and ids that stand twice')
    .option('--retry-failed', 'queue the failed files again first; those that --prefix names, if it is given');
  return withServerOptions(withLoadOptions(command))
    .addHelpText('after', `${ACCOUNT_HELP}\n${EXIT_CODES_HELP}\n${EXAMPLES}`)
    .action(async (bucket: string, options: LoadCommandOptions) => {
      const client = clientOf(options);
      refuseOddDryRun(options);
      const params = await loadParamsOf(bucket, options);
      if (options.dryRun === true) {
        const how = { 'dry-run?': true, 'check-lines?': options.checkLines === true };
        process.exitCode = await dryRun(client, { bucket, ...params, ...how }, options);
        return;
      }
      if (options.retryFailed === true) await retryFailed(client, bucket, options);
      const answer = await client.rpc('aidbox.bulk/load-from-bucket', { bucket, ...params });
      printAnswer(answer, options);
      if (options.follow === true)
        process.exitCode = await followLoad(client, bucket, { json: options.json === true, begun: true });
      else if (options.json !== true) printLines([`See: ${commandName()} status ${bucket} --follow`]);
    });
}

function refuseOddDryRun({ dryRun, checkLines, follow, retryFailed }: LoadCommandOptions): void {
  if (dryRun === true && (follow === true || retryFailed === true))
    throw new CliError(EXIT.usage, '--dry-run loads nothing: use it without --follow and --retry-failed.');
  if (dryRun !== true && checkLines === true) throw new CliError(EXIT.usage, '--check-lines requires --dry-run.');
}

/** The failed files go back to the queue; a bucket that was never loaded has none. */
async function retryFailed(client: ServerClient, bucket: string, options: LoadCommandOptions): Promise<void> {
  const answer = await client.rpc('aidbox.bulk/load-from-bucket-retry', { bucket, prefixes: options.prefix ?? [] });
  printAnswer(answer, options);
}
