import { type Command, InvalidArgumentError, Option } from 'commander';
import { FHIR_VERSIONS } from '../fhir/fhir-versions.ts';
import { FORMATS } from '../fhir/resource-format.ts';
import { SCHEDULERS } from '../load/schedule.ts';
import { type AccountOptions, accountOf, withAccountOptions } from './s3-account.ts';

/** What a load can be told, by whichever command begins it. */
export interface LoadOptions extends AccountOptions {
  threadNum?: number;
  disableIdx?: boolean;
  disableIdxAuto?: boolean;
  dropPrimaryKey?: boolean;
  upsert?: boolean;
  history?: boolean;
  newestWins?: boolean;
  applyDeletions?: boolean;
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
}

/** Adds the options of a load; each is the parameter of that name. */
export function withLoadOptions(command: Command): Command {
  return withAccountOptions(command)
    .option('--prefix <prefix>', 'only files whose keys start with this; may be repeated', collect)
    .option('--thread-num <n>', 'files loaded at once (4)', toInteger)
    .option('--upsert', 'overwrite resources that exist; without it a file with an id that exists fails')
    .option('--history', 'keep the versions that are overwritten or deleted in <type>_history')
    .option('--apply-deletions', 'delete what files in deleted/ and Bundle files list, once the others are finished')
    .option('--newest-wins', 'keep resources that were updated later than those of the file, by meta.lastUpdated')
    .option(
      '--disable-idx',
      'drop the indexes of a table until its last file is in; pays for first loads into empty tables',
    )
    .option('--disable-idx-auto', 'the same where that pays, by the sizes of table and files; a dry run says where')
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
    .addOption(new Option('--request-payer <who>', 'who pays for the requests').choices(['requester']));
}

/** Only what was given: the defaults are the server's. */
export async function loadParamsOf(bucket: string, options: LoadOptions): Promise<object> {
  const params = {
    account: await accountOf(bucket, options),
    'request-payer': options.requestPayer,
    'thread-num': options.threadNum,
    'upsert?': options.upsert,
    'history?': options.history,
    'newest-wins?': options.newestWins,
    'apply-deletions?': options.applyDeletions,
    'disable-idx?': options.disableIdxAuto === true ? 'auto' : options.disableIdx,
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
  };
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function toInteger(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
