import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { ClientError } from '../../src/errors/client-error.ts';
import { ConfigError } from '../../src/errors/start-error.ts';
import { loadFromBucket } from '../../src/rpc/load-from-bucket.ts';
import { loadFromBucketRetry } from '../../src/rpc/load-from-bucket-retry.ts';
import { parseParams } from '../../src/rpc/params.ts';

describe('what is wrong with a parameter is said in the same words, whichever it is', () => {
  for (const [params, path, message, method = loadFromBucket] of [
    [{ bucket: undefined }, 'bucket', 'is required'],
    [{ 'upsert?': 'true' }, 'upsert?', 'must be of type boolean'],
    [{ 'thread-num': 1.5 }, 'thread-num', 'must be a whole number'],
    [{ 'thread-num': 0 }, 'thread-num', 'must be at least 1'],
    [{ 'thread-num': 129 }, 'thread-num', 'must be at most 128'],
    [{ scheduler: 'x' }, 'scheduler', 'must be "optimal" or "by-last-modified"'],
    [{ 'request-payer': 'me' }, 'request-payer', 'must be "requester"'],
    [{ files: Array(1_001).fill('a') }, 'files', 'must have at most 1000 entries', loadFromBucketRetry],
  ] as const)
    test(`${path}: ${message}`, () => {
      assert.throws(
        () => parseParams(method.params, { bucket: 's3://hospital', ...params }, method.name),
        (error) => {
          assert.ok(error instanceof ClientError);
          assert.deepEqual(
            error.details.errors?.map((each) => [each.path, each.message]),
            [[path, message]],
          );
          return true;
        },
      );
    });
});

test('so is what is wrong with a setting', () => {
  const message = (env: Record<string, string>) => {
    try {
      readConfig(env);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
    }
    return undefined;
  };
  assert.equal(message({ LOADER_FORMAT: 'xml' }), 'Invalid settings. LOADER_FORMAT: must be "fhir" or "as-is".');
  assert.equal(message({ BOX_WEB_PORT: '70000' }), 'Invalid settings. BOX_WEB_PORT: must be at most 65535.');
  assert.equal(message({ LOADER_THREADS: '0' }), 'Invalid settings. LOADER_THREADS: must be at least 1.');
});
