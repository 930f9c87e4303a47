import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { createS3Client } from '../../../src/source/s3/create-s3-client.ts';
import { listObjects } from '../../../src/source/s3/list-objects.ts';
import { ObjectReader } from '../../../src/source/s3/object-reader.ts';
import { endpointOfHost } from '../../../src/source/s3/s3-account.ts';
import { toS3Error } from '../../../src/source/s3/s3-error.ts';

/** An error as the SDK throws it: S3's code as its name, the status in its metadata. */
const ofSdk = (name: string, httpStatusCode: number, message = 'said S3') =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
/** An error as Node's sockets throw it. */
const ofSocket = (code: string) => Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });

describe('toS3Error gives the codes that LoaderFiles bear', () => {
  for (const [what, error, code, transient] of [
    ['unknown key id', ofSdk('InvalidAccessKeyId', 403), 'InvalidAccount', false],
    ['wrong secret', ofSdk('SignatureDoesNotMatch', 403), 'InvalidAccount', false],
    ['no credentials', ofSdk('CredentialsProviderError', 0), 'InvalidAccount', false],
    ['no such bucket', ofSdk('NoSuchBucket', 404), 'NoSuchKey', false],
    ['no such object', ofSdk('NoSuchKey', 404), 'NoSuchKey', false],
    ['no right', ofSdk('AccessDenied', 403), 'AccessDenied', false],
    ['unknown key id at versitygw', ofSdk('XAdminUserNotFound', 404), 'InvalidAccount', false],
    ['unknown key id elsewhere', ofSdk('NotSignedUp', 403), 'InvalidAccount', false],
    ['401 without a body', ofSdk('Unknown', 401, 'UnknownError'), 'InvalidAccount', false],
    ['501', ofSdk('NotImplemented', 501), 'NotImplemented', false],
    ['expired keys', ofSdk('ExpiredToken', 400), 'ExpiredToken', false],
    ['replaced', ofSdk('PreconditionFailed', 412), 'PreconditionFailed', false],
    ['another region', ofSdk('PermanentRedirect', 301), 'PermanentRedirect', false],
    ['slow down', ofSdk('SlowDown', 503), 'SlowDown', true],
    ['500', ofSdk('InternalError', 500), 'InternalError', true],
    ['500 without a body', ofSdk('Unknown', 500, 'UnknownError'), 'HTTP500', true],
    ['502 of a proxy', ofSdk('Unknown', 502, 'UnknownError'), 'HTTP502', true],
    ['400 that is no XML', ofSdk('Error', 400, 'XML parse error'), 'HTTP400', false],
    ['a redirect', ofSdk('Unknown', 302, 'UnknownError'), 'HTTP302', false],
    ['403 without a body', ofSdk('Unknown', 403, 'UnknownError'), 'AccessDenied', false],
    ['refused', ofSocket('ECONNREFUSED'), 'ECONNREFUSED', true],
    ['reset', ofSocket('ECONNRESET'), 'ECONNRESET', true],
    ['no such host', ofSocket('ENOTFOUND'), 'ENOTFOUND', false],
  ] as const)
    test(what, () => {
      const result = toS3Error(error, 's3://bucket/key');
      assert.deepEqual([result.code, result.transient], [code, transient]);
      assert.match(result.message, new RegExp(`^${code}: .+ \\(s3://bucket/key\\)$`));
    });

  for (const [error, message] of [
    [
      ofSdk('InvalidObjectState', 403, 'The operation is not valid'),
      /The operation is not valid; .*Glacier.*restore it/,
    ],
    [ofSdk('RequestTimeTooSkewed', 403, 'The difference is too large'), /too large; the clock of the loader's machine/],
    [ofSdk('KMS.DisabledException', 400, 'arn:… is disabled'), /is disabled; the KMS key .* kms:Decrypt/],
    [ofSdk('KMSInvalidStateException', 400, 'pending deletion'), /pending deletion; the KMS key/],
    [ofSdk('AccountProblem', 403, 'There is a problem'), /There is a problem; the store serves this account no more/],
    [ofSdk('InvalidPayer', 403, 'disabled'), /disabled; the store serves this account/],
    [ofSdk('SomethingNew', 403, 'A reason of its own'), /^SomethingNew: A reason of its own \(/],
    [ofSdk('AccessDenied', 403, 'User x is not authorized'), /access denied: User x is not authorized; s3:ListBucket/],
    [ofSdk('SignatureDoesNotMatch', 403, 'Check your key'), /not valid; the store says SignatureDoesNotMatch: Check/],
    [ofSdk('SecondLevelDomainForbidden', 403, 'Use the bucket domain'), /path-style\?: false/],
    [ofSocket('SELF_SIGNED_CERT_IN_CHAIN'), /not trusted; start the loader with NODE_EXTRA_CA_CERTS/],
  ] as const)
    test(`${'code' in error ? error.code : error.name}: S3's own code and words first, then what to do`, () => {
      const result = toS3Error(error, 's3://bucket/key');
      assert.match(result.message, message);
      assert.ok(result.message.startsWith(`${result.code}: `));
      assert.equal(result.transient, false);
    });

  test('an error of its own stays as it is', () => {
    const error = toS3Error(ofSocket('ECONNRESET'), 's3://b/k');
    assert.equal(toS3Error(error, 's3://other'), error);
  });
});

test('an object whose store answers 500 without a body fails with that status, and may be tried again', async (t) => {
  const store = createServer((_request, response) => response.writeHead(500).end()).listen(0, '127.0.0.1');
  await once(store, 'listening');
  t.after(() => store.close().closeAllConnections());
  const client = createS3Client(
    {
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${(store.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    },
    { connectTimeoutMs: 0, maxSockets: 1, allowPrivateHosts: true },
  );
  t.after(() => client.destroy());
  const object = { bucket: 'bucket', key: 'key', size: 1 };
  const { signal } = new AbortController();
  await assert.rejects(new ObjectReader(client, object, { readTimeoutMs: 0, signal }).read().next(), {
    code: 'HTTP500',
    message: 'HTTP500: HTTP 500 without a reason (s3://bucket/key)',
    transient: true,
  });
});

test('a host without a scheme whose port speaks plain HTTP: what to write, and no line of OpenSSL', async (t) => {
  const store = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
  await once(store, 'listening');
  t.after(() => store.close().closeAllConnections());
  const client = createS3Client(
    {
      region: 'us-east-1',
      endpoint: endpointOfHost(`127.0.0.1:${(store.address() as AddressInfo).port}`),
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    },
    { connectTimeoutMs: 0, maxSockets: 1, allowPrivateHosts: true },
  );
  t.after(() => client.destroy());
  const { signal } = new AbortController();
  const listing = listObjects(client, { bucket: 'bucket', prefixes: [], limitMs: 0, signal });
  await assert.rejects(listing.next(), {
    code: 'NotTls',
    message:
      'NotTls: the host does not speak TLS on this port; use http:// in `account.host` if that is intended (s3://bucket/)',
  });
});
