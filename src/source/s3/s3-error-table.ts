/** Stores' codes for "this key id or secret is not valid"; a LoaderFile has one code for them, `InvalidAccount`. */
export const INVALID_ACCOUNT: ReadonlySet<string> = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidClientTokenId',
  'InvalidToken',
  'InvalidSecurity',
  'InvalidAccessKey',
  'UnrecognizedClientException',
  'Unauthorized',
  'NotSignedUp',
  'XAdminUserNotFound',
]);

/** Codes of what is not there. */
export const NOT_FOUND: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchBucket', 'NotFound']);

/** Codes of what the account may not do. */
export const ACCESS_DENIED: ReadonlySet<string> = new Set(['AccessDenied', 'Forbidden', 'AllAccessDisabled']);

/** What such an account lacks, for messages. */
export const ACCESS_ADVICE =
  's3:ListBucket and s3:GetObject are needed, and kms:Decrypt where objects are encrypted by KMS';

const OTHER_REGION = 'the bucket is in another region; check `account.region`';
const ACCOUNT_STATE = 'the store serves this account no more or not yet; see to it at the store';
const KMS = 'the KMS key that the object is encrypted with must be enabled, and the account needs kms:Decrypt on it';
const CERTIFICATE =
  "the host's certificate is not trusted; start the loader with NODE_EXTRA_CA_CERTS=<file of its CA>, and check `account.host`";

/** What to do about a code of S3's, of the network's or of TLS's. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['ExpiredToken', 'the credentials have expired; call again with fresh ones'],
  ['TokenRefreshRequired', 'the credentials have expired; call again with fresh ones'],
  ['InvalidObjectState', 'the object is archived (Glacier): restore it, then retry the file'],
  ['RequestTimeTooSkewed', "the clock of the loader's machine is wrong: set it, as by NTP, and call again"],
  ['AccountProblem', ACCOUNT_STATE],
  ['AccountSuspended', ACCOUNT_STATE],
  ['UserSuspended', ACCOUNT_STATE],
  ['InvalidPayer', ACCOUNT_STATE],
  ['AuthorizationHeaderMalformed', OTHER_REGION],
  ['PermanentRedirect', OTHER_REGION],
  ['TemporaryRedirect', OTHER_REGION],
  ['IllegalLocationConstraintException', OTHER_REGION],
  ['HTTP301', OTHER_REGION],
  ['SecondLevelDomainForbidden', 'the store wants the bucket in the host name: `path-style?: false` in `account`'],
  ['ENOTFOUND', 'no such host; check `account.host` and `account.region`'],
  ['ECONNREFUSED', 'nothing listens there; check `account.host` and its port, and that the store runs'],
  ['HTTP400', 'the answer is none of S3; check `account.host`, its port, and whether it wants https://'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', CERTIFICATE],
  ['SELF_SIGNED_CERT_IN_CHAIN', CERTIFICATE],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', CERTIFICATE],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', CERTIFICATE],
  ['CERT_HAS_EXPIRED', CERTIFICATE],
  ['ERR_TLS_CERT_ALTNAME_INVALID', CERTIFICATE],
]);

/** @param code S3's, the network's or TLS's */
export function adviceOn(code: string, status: number | undefined): string | undefined {
  // KMS.DisabledException, KMSInvalidStateException and their like.
  if (code.startsWith('KMS')) return KMS;
  return ADVICE.get(code) ?? (status === 301 ? OTHER_REGION : undefined);
}

/** What OpenSSL says of a server that answers in plain HTTP: names of its own sources, of no use to a user. */
export function isTlsMismatch(code: string, message: string): boolean {
  return (
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' || (code === 'EPROTO' && /wrong version number|packet length/.test(message))
  );
}
