import { Command, InvalidArgumentError, Option } from 'commander';
import { FHIR_VERSIONS } from '../../fhir/fhir-versions.ts';
import { FORMATS } from '../../fhir/resource-format.ts';
import { SCHEDULERS } from '../../load/schedule.ts';
import { bucketArgument, isFolder } from '../bucket-argument.ts';
import { commandName } from '../command-name.ts';
import { dryRun } from '../dry-run.ts';
import { CliError, EXIT, EXIT_CODES_HELP } from '../exit-codes.ts';
import { followLoad } from '../follow-load.ts';
import { printAnswer } from '../print-answer.ts';
import { printLines } from '../print-lines.ts';
import { ACCOUNT_HELP, type AccountOptions, accountOf, noAccountOf } from '../s3-account.ts';
import type { ServerClient } from '../server-client.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

interface LoadOptions extends AccountOptions, ServerOptions {
  follow?: boolean;
  threadNum?: number;
  disableIdx?: boolean;
  dropPrimaryKey?: boolean;
  upsert?: boolean;
  history?: boolean;
  newestWins?: boolean;
  scheduler?: string;
  prefix?: string[];
  connectTimeout?: number;
  readTimeout?: number;
  maxErrors?: number;
  format?: string;
  fhirVersion?: string;
  keepLastUpdated?: boolean;
  resolveReferences?: boolean;
  requestPayer?: string;
  reloadChanged?: boolean;
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
    .option('--prefix <prefix>', 'only files whose keys start with this; may be repeated', collect)
    .option('--thread-num <n>', 'files loaded at once (4)', toInteger)
    .option('--upsert', 'overwrite resources that exist; without it a file with an id that exists fails')
    .option('--history', 'keep the versions that are overwritten in <type>_history')
    .option('--newest-wins', 'keep resources that were updated later than those of the file, by meta.lastUpdated')
    .option(
      '--disable-idx',
      'drop the indexes while loading and restore them at the end; pays for first loads into empty tables',
    )
    .option('--drop-primary-key', 'the same for primary keys: nothing checks for duplicates meanwhile')
    .addOption(new Option('--scheduler <order>', 'the order of the files').choices(SCHEDULERS))
    .addOption(
      new Option('--format <format>', 'convert FHIR JSON to the form of Aidbox, or store lines as they are').choices(
        FORMATS,
      ),
    )
    .addOption(new Option('--fhir-version <version>', 'the FHIR version of the resources').choices(FHIR_VERSIONS))
    .option('--keep-last-updated', 'store meta.lastUpdated as ts; otherwise ts is the time of the load')
    .option(
      '--resolve-references',
      'give references by identifier, and urn:uuid:…, the type and id that they mean; loads what others refer to first',
    )
    .option('--max-errors <n>', 'bad lines of a file that are left out before the file fails (0)', toInteger)
    .option('--connect-timeout <ms>', 'time to connect to S3; 0 is no limit (0)', toInteger)
    .option('--read-timeout <ms>', 'time without a byte from S3; 0 is no limit (0)', toInteger)
    .option('--reload-changed', 'with --upsert: load files again whose objects have changed since')
    .option('--dry-run', 'only say what would be loaded, into which tables, how long it takes and how much disk')
    .option('--check-lines', 'with --dry-run: read every file, and report bad lines and ids that stand twice')
    .option('--retry-failed', 'queue the failed files again first; those that --prefix names, if it is given')
    .option('--region <region>', "the bucket's region")
    .option('--host <host>', 'host of an S3-compatible store, or its http(s) address')
    .option('--no-path-style', "put the bucket's name into the host name, as some stores demand")
    .option('--profile <name>', 'profile of ~/.aws with the credentials')
    .addOption(new Option('--request-payer <who>', 'who pays for the requests').choices(['requester']))
    .option('--server-credentials', "use the server's own AWS credentials");
  return withServerOptions(command)
    .addHelpText('after', `${ACCOUNT_HELP}\n${EXIT_CODES_HELP}\n${EXAMPLES}`)
    .action(async (bucket: string, options: LoadOptions) => {
      const client = clientOf(options);
      refuseOddDryRun(options);
      const params = await paramsOf(bucket, options);
      if (options.dryRun === true) {
        process.exitCode = await dryRun(client, { bucket, ...params }, options);
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

/** Only what was given: the defaults are the server's. */
async function paramsOf(bucket: string, options: LoadOptions): Promise<object> {
  const params = {
    account: isFolder(bucket) ? noAccountOf(options) : await accountOf(options),
    'request-payer': options.requestPayer,
    'thread-num': options.threadNum,
    'upsert?': options.upsert,
    'history?': options.history,
    'newest-wins?': options.newestWins,
    'disable-idx?': options.disableIdx,
    'drop-primary-key?': options.dropPrimaryKey,
    scheduler: options.scheduler,
    prefixes: options.prefix,
    'connect-timeout': options.connectTimeout,
    'read-timeout': options.readTimeout,
    'max-errors': options.maxErrors,
    format: options.format,
    'fhir-version': options.fhirVersion,
    'keep-last-updated?': options.keepLastUpdated,
    'resolve-references?': options.resolveReferences,
    'reload-changed?': options.reloadChanged,
    'dry-run?': options.dryRun,
    'check-lines?': options.checkLines,
  };
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}

function refuseOddDryRun({ dryRun, checkLines, follow, retryFailed }: LoadOptions): void {
  if (dryRun === true && (follow === true || retryFailed === true))
    throw new CliError(EXIT.usage, '--dry-run loads nothing: it goes without --follow and --retry-failed.');
  if (dryRun !== true && checkLines === true) throw new CliError(EXIT.usage, '--check-lines goes with --dry-run.');
}

/** The failed files go back to the queue; a bucket that was never loaded has none. */
async function retryFailed(client: ServerClient, bucket: string, options: LoadOptions): Promise<void> {
  const answer = await client.rpc('aidbox.bulk/load-from-bucket-retry', { bucket, prefixes: options.prefix ?? [] });
  printAnswer(answer, options);
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function toInteger(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
