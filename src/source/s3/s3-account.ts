/**
 * How to reach a bucket's store, as plain data for worker threads. Carries the secret key: it is never logged or
 * stored. Without `credentials` the SDK's default chain applies (environment, profile, instance or pod role).
 */
export interface S3Account {
  region?: string | undefined;
  /** Base URL to connect to; absent for AWS itself, at the address that the SDK derives from the region. */
  endpoint?: string | undefined;
  /** Whether the bucket's name is in the path and not in the host name. By default it is, at an `endpoint`. */
  pathStyle?: boolean | undefined;
  /** Whether the account agrees to pay for its requests, as "requester pays" buckets demand. */
  requesterPays?: boolean | undefined;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined } | undefined;
}

/** How long to wait for S3, in ms; 0 waits for ever, as Aidbox's `connect-timeout` and `read-timeout` do. */
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

/** What Aidbox has as the default of `account.host`, and the name of S3 as a whole. */
const AWS_ITSELF = ['https://amazonaws.com', 'https://amazonaws.com.cn', 'https://s3.amazonaws.com'];

/** Labels of S3's own host names, and those that follow them. Load balancers have names of their customers' choice. */
const S3_LABEL =
  /^s3(-(fips|accelerate|accesspoint|accesspoint-fips|object-lambda|outposts|[a-z]{2}(-[a-z]+){1,3}-\d))?$/;
const FOLLOWING_LABEL = /^(dualstack|vpce|[a-z]{2}(-[a-z]+){1,3}-\d)$/;

/**
 * The endpoint that `account.host` means: the URL written, https unless a scheme says otherwise; undefined for AWS itself,
 * whose address the SDK derives from the region.
 * @throws TypeError when the host is not a host name, `host:port` or http(s) URL
 */
export function endpointOfHost(host: string): string | undefined {
  const url = new URL(/^[a-z]+:\/\//i.test(host) ? host : `https://${host}`);
  const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (!plain || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new TypeError(`not a host: ${host}`);
  const endpoint = url.origin + url.pathname.replace(/\/$/, '');
  return AWS_ITSELF.includes(endpoint) ? undefined : endpoint;
}

/** Whether an endpoint is S3 of AWS, under any of its names. In a VPC these have private addresses. */
export function isAwsEndpoint(endpoint: string): boolean {
  const [, name] = /^(.+)\.amazonaws\.com(?:\.cn)?$/.exec(new URL(endpoint).hostname) ?? [];
  const labels = name?.split('.') ?? [];
  const s3 = labels.findLastIndex((label) => S3_LABEL.test(label));
  return s3 !== -1 && labels.slice(s3 + 1).every((label) => FOLLOWING_LABEL.test(label));
}

/** Whether an endpoint takes the bucket's name only as a part of the host name. */
export function isAccelerateEndpoint(endpoint: string): boolean {
  return /^s3-accelerate(\.dualstack)?\.amazonaws\.com$/.test(new URL(endpoint).hostname);
}

/** Whether a bucket is named by the ARN of an access point, which goes into the host name. */
export function isAccessPointArn(bucket: string): boolean {
  return bucket.startsWith('arn:');
}
