import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { capAnswer } from './capped-body.ts';
import { assertPublicEndpoint, publicLookup } from './private-hosts.ts';
import { proxyFromEnvironment } from './proxy.ts';
import { isAccelerateEndpoint, isAccessPointArn, isAwsEndpoint, type S3Account } from './s3-account.ts';
import { ConnectTimeoutError } from './s3-error.ts';

// Not by `import`, which reads all names of the module, and `WebSocket` among them loads undici: 2 MB a thread, and 20 CPU ms.
const { Agent: HttpAgent } = process.getBuiltinModule('node:http');
const { Agent: HttpsAgent } = process.getBuiltinModule('node:https');

export interface S3ClientOptions {
  /** Time to establish a connection, in ms; 0 is for ever. */
  connectTimeoutMs: number;
  /** Most connections at once; more than the files read at once, since an unread body holds its own. */
  maxSockets: number;
  /** Whether a custom host may be a private or loopback address. */
  allowPrivateHosts: boolean;
  /** The bucket that the client is for: a name, or an access point's ARN. */
  bucket?: string | undefined;
}

/** How often the SDK tries a request, counting the first, before its error becomes the file's. */
const MAX_ATTEMPTS = 5;

/**
 * An S3 client for one bucket of one account, since S3's word to slow down holds for all that the client asks for. Custom
 * hosts are addressed path-style unless the account says otherwise. Checksums are left to `ObjectReader`, and bodies have no
 * time limit here. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` apply.
 * @throws PrivateHostError
 */
export function createS3Client(account: S3Account, options: S3ClientOptions): S3Client {
  const { endpoint } = account;
  const guarded = endpoint !== undefined && !options.allowPrivateHosts && !isAwsEndpoint(endpoint);
  if (guarded) assertPublicEndpoint(endpoint);
  const proxy = proxyFromEnvironment(process.env);
  const agent = {
    keepAlive: true,
    maxSockets: options.maxSockets,
    ...(proxy === undefined ? {} : { proxyEnv: proxy.variables }),
    ...(guarded ? { lookup: publicLookup(proxy?.hosts ?? []) } : {}),
  };
  const arn = isAccessPointArn(options.bucket ?? '');
  return new S3Client({
    ...(account.region === undefined ? {} : { region: account.region }),
    ...(account.credentials === undefined ? {} : { credentials: credentialsOf(account.credentials) }),
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: !arn && (account.pathStyle ?? (endpoint !== undefined && !isAccelerateEndpoint(endpoint))),
    useArnRegion: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // A client that S3 asks to slow down sends what S3 takes, and grows from there by itself. In mode `standard` many small
    // files use up the SDK's budget of retries instead, and fail.
    retryMode: 'adaptive',
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: new LoaderHttpHandler({
      connectionTimeout: options.connectTimeoutMs,
      requestTimeout: 0,
      socketTimeout: 0,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    }),
  });
}

function credentialsOf({ sessionToken, ...keys }: NonNullable<S3Account['credentials']>) {
  return sessionToken === undefined ? keys : { ...keys, sessionToken };
}

/**
 * The SDK retries a connection that timed out, four times; here the file fails at the first `connect-timeout`, as
 * Aidbox documents that parameter ("Bulk import from an S3 bucket"). The only timeout set on this handler is the connection's. Answers that are kept have a longest size.
 */
class LoaderHttpHandler extends NodeHttpHandler {
  override async handle(...args: Parameters<NodeHttpHandler['handle']>): ReturnType<NodeHttpHandler['handle']> {
    try {
      const result = await super.handle(...args);
      capAnswer(args[0], result);
      return result;
    } catch (error) {
      // The handler gives that name to connections that were reset as well (ECONNRESET, EPIPE); those are worth a retry.
      if (!(error instanceof Error) || error.name !== 'TimeoutError' || 'code' in error) throw error;
      // Without its cause: the SDK looks there for a reason to try again.
      throw new ConnectTimeoutError(`no connection to ${args[0].hostname} within connect-timeout`);
    }
  }
}
