/**
 * How to reach a bucket's store, as plain data for worker threads. Carries the secret key: it is never logged or
 * stored. Without `credentials` the SDK's default chain applies (environment, profile, instance or pod role).
 */
export interface S3Account {
  region?: string | undefined;
  /** Base URL of an S3-compatible store; absent for AWS itself. */
  endpoint?: string | undefined;
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
}

/** How long to wait for S3, in ms; 0 is for ever (seed, "connect-timeout" and "read-timeout"). */
export interface S3Timeouts {
  connectTimeoutMs: number;
  readTimeoutMs: number;
}

/** A bucket of an account, as a source of files. */
export interface S3Address {
  kind: 's3';
  /** The bucket's name alone. */
  bucket: string;
  account: S3Account;
  timeouts: S3Timeouts;
}

/**
 * The endpoint that `account.host` means: undefined for AWS's own hosts, whose address the SDK derives from the
 * region; else the host's URL, https unless a scheme says otherwise.
 * @throws TypeError when the host is no host name, `host:port` or http(s) URL without a path
 */
export function endpointOfHost(host: string): string | undefined {
  const url = new URL(/^[a-z]+:\/\//i.test(host) ? host : `https://${host}`);
  const plain = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  if (!plain || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new TypeError(`not a host: ${host}`);
  if (/(^|\.)amazonaws\.com(\.cn)?$/.test(url.hostname)) return undefined;
  return url.origin;
}
