import { fromIni } from '@aws-sdk/credential-provider-ini';
import { loadSharedConfigFiles } from '@smithy/core/config';
import type { Command } from 'commander';
import { isFolder } from './bucket-argument.ts';
import { CliError, EXIT } from './exit-codes.ts';

/** For `--help` of the commands that take an account. */
export const ACCOUNT_HELP = `
The bucket's credentials travel with the call and are never stored:
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY   an account that may list and read the bucket
  AWS_SESSION_TOKEN                          where these are temporary
  --profile, AWS_PROFILE                     in their place: a profile of ~/.aws, resolved here, with its region
  --region, AWS_REGION, AWS_DEFAULT_REGION   its region
  --host, AWS_ENDPOINT_URL_S3                an S3-compatible store instead of AWS
  --server-credentials                       none of these: the server uses its own (its role, profile, environment)
A folder, file:///…, takes none.`;

/** The options that say whose the bucket is. */
export interface AccountOptions {
  region?: string;
  host?: string;
  profile?: string;
  pathStyle?: boolean;
  serverCredentials?: boolean;
}

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** Adds the options that say whose the bucket is. */
export function withAccountOptions(command: Command): Command {
  return command
    .option('--region <region>', "the bucket's region")
    .option('--host <host>', 'host of an S3-compatible store, or its http(s) address')
    .option('--no-path-style', "put the bucket's name into the host name, as some stores demand")
    .option('--profile <name>', 'profile of ~/.aws with the credentials')
    .option('--server-credentials', "use the server's own AWS credentials");
}

/** These options, for messages. */
export const ACCOUNT_OPTIONS = '--region, --host, --profile, --no-path-style and --server-credentials';

/** Whether any of these options was given. */
export function saysWhose({ region, host, profile, pathStyle, serverCredentials }: AccountOptions): boolean {
  return pathStyle === false || [region, host, profile, serverCredentials].some((each) => each !== undefined);
}

/**
 * The RPC parameter `account`, secrets from the environment or a profile only; undefined: the server's own credentials, or a
 * folder, which the server reads as the user that it runs as.
 * @throws CliError that says what is missing, or does not go with a folder
 */
export async function accountOf(
  bucket: string,
  options: AccountOptions,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<object | undefined> {
  if (isFolder(bucket)) {
    if (!saysWhose(options)) return undefined;
    throw usage(`${ACCOUNT_OPTIONS} go with s3:// buckets only.`);
  }
  if (options.serverCredentials === true) {
    if ([options.host, options.region, options.profile].every((option) => option === undefined)) return undefined;
    throw usage('--host, --region and --profile go with credentials of your own, not with --server-credentials.');
  }
  const variable = (name: string) => environment[name] || undefined;
  const own = credentialsOf(variable);
  // As the AWS CLI has it: the option before the variables, these before AWS_PROFILE.
  const profile = options.profile ?? (own === undefined ? variable('AWS_PROFILE') : undefined);
  const credentials = profile === undefined ? own : await credentialsOfProfile(profile);
  if (credentials === undefined) {
    throw usage(
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an account that may read the bucket, name a profile with ' +
        '--profile, or let the server use its own credentials with --server-credentials.',
    );
  }
  const region =
    options.region ?? variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION') ?? (await regionOf(profile));
  if (region === undefined) throw usage("Name the bucket's region by --region or AWS_REGION.");
  const host = options.host ?? variable('AWS_ENDPOINT_URL_S3') ?? variable('AWS_ENDPOINT_URL');
  return {
    'access-key-id': credentials.accessKeyId,
    'secret-access-key': credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { 'session-token': credentials.sessionToken }),
    region,
    ...(host === undefined ? {} : { host }),
    ...(options.pathStyle === false ? { 'path-style?': false } : {}),
  };
}

function credentialsOf(variable: (name: string) => string | undefined): Credentials | undefined {
  const accessKeyId = variable('AWS_ACCESS_KEY_ID');
  const secretAccessKey = variable('AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: variable('AWS_SESSION_TOKEN') };
}

async function credentialsOfProfile(profile: string): Promise<Credentials> {
  try {
    return await fromIni({ profile })();
  } catch (error) {
    throw usage(
      `Profile ${profile} has no usable credentials: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function regionOf(profile: string | undefined): Promise<string | undefined> {
  if (profile === undefined) return undefined;
  const { configFile } = await loadSharedConfigFiles();
  return configFile[profile]?.['region'];
}

function usage(message: string): CliError {
  return new CliError(EXIT.usage, message);
}
