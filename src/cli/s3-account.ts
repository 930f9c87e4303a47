import { CliError, EXIT } from './exit-codes.ts';

export const ACCOUNT_HELP = `
The bucket's credentials travel with the call and are never stored:
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY   an account that may list and read the bucket
  --region, AWS_REGION, AWS_DEFAULT_REGION   its region
  --host, AWS_ENDPOINT_URL_S3                an S3-compatible store instead of AWS
  --server-credentials                       none of these: the server uses its own (its role, profile, environment)`;

/** The options that say whose the bucket is. */
export interface AccountOptions {
  region?: string;
  host?: string;
  serverCredentials?: boolean;
}

/**
 * The RPC parameter `account`, secrets from the environment only; undefined: the server's own credentials.
 * @throws CliError that says what is missing
 */
export function accountOf(options: AccountOptions, environment: NodeJS.ProcessEnv = process.env): object | undefined {
  if (options.serverCredentials === true) {
    if (options.host === undefined && options.region === undefined) return undefined;
    throw usage('--host and --region go with credentials of your own, not with --server-credentials.');
  }
  const variable = (name: string) => environment[name] || undefined;
  const id = variable('AWS_ACCESS_KEY_ID');
  const secret = variable('AWS_SECRET_ACCESS_KEY');
  if (id === undefined || secret === undefined) {
    throw usage(
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an account that may read the bucket, or let the server use ' +
        'its own credentials with --server-credentials.',
    );
  }
  if (variable('AWS_SESSION_TOKEN') !== undefined) {
    throw usage(
      'AWS_SESSION_TOKEN is set: the call can only carry lasting credentials, not temporary ones. Unset it, or use ' +
        '--server-credentials.',
    );
  }
  const region = options.region ?? variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION');
  if (region === undefined) throw usage("Name the bucket's region by --region or AWS_REGION.");
  const host = options.host ?? variable('AWS_ENDPOINT_URL_S3') ?? variable('AWS_ENDPOINT_URL');
  return {
    'access-key-id': id,
    'secret-access-key': secret,
    region,
    ...(host === undefined ? {} : { host }),
  };
}

function usage(message: string): CliError {
  return new CliError(EXIT.usage, message);
}
