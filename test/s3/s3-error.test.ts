import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toS3Error } from '../../src/s3/s3-error.ts';

/** An error as the SDK throws it: S3's code as its name, the status in its metadata. */
const ofSdk = (name: string, httpStatusCode: number, message = 'said S3') =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
/** An error as Node's sockets throw it. */
const ofSocket = (code: string) => Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });

describe('toS3Error gives the codes of the contract', () => {
  for (const [what, error, code, transient] of [
    ['unknown key id', ofSdk('InvalidAccessKeyId', 403), 'InvalidAccount', false],
    ['wrong secret', ofSdk('SignatureDoesNotMatch', 403), 'InvalidAccount', false],
    ['no credentials', ofSdk('CredentialsProviderError', 0), 'InvalidAccount', false],
    ['no such bucket', ofSdk('NoSuchBucket', 404), 'NoSuchKey', false],
    ['no such object', ofSdk('NoSuchKey', 404), 'NoSuchKey', false],
    ['no right', ofSdk('AccessDenied', 403), 'AccessDenied', false],
    ['expired keys', ofSdk('ExpiredToken', 400), 'ExpiredToken', false],
    ['replaced', ofSdk('PreconditionFailed', 412), 'PreconditionFailed', false],
    ['another region', ofSdk('PermanentRedirect', 301), 'PermanentRedirect', false],
    ['slow down', ofSdk('SlowDown', 503), 'SlowDown', true],
    ['500', ofSdk('InternalError', 500), 'InternalError', true],
    ['refused', ofSocket('ECONNREFUSED'), 'ECONNREFUSED', true],
    ['reset', ofSocket('ECONNRESET'), 'ECONNRESET', true],
    ['no such host', ofSocket('ENOTFOUND'), 'ENOTFOUND', false],
  ] as const)
    test(what, () => {
      const result = toS3Error(error, 's3://bucket/key');
      assert.deepEqual([result.code, result.transient], [code, transient]);
      assert.match(result.message, new RegExp(`^${code}: .+ \\(s3://bucket/key\\)$`));
    });

  test('an error of its own stays as it is', () => {
    const error = toS3Error(ofSocket('ECONNRESET'), 's3://b/k');
    assert.equal(toS3Error(error, 's3://other'), error);
  });
});
