import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClientError } from '../../src/errors/client-error.ts';
import { loadFromBucket } from '../../src/rpc/load-from-bucket.ts';
import { parseParams } from '../../src/rpc/params.ts';

const parse = (params: object) =>
  parseParams(loadFromBucket.params, { bucket: 's3://hospital', ...params }, loadFromBucket.name);

function errorsOf(params: object) {
  try {
    parse(params);
  } catch (error) {
    if (error instanceof ClientError) return error.details.errors ?? [];
  }
  throw new Error('the params were taken');
}

describe('what a caller can make long', () => {
  test('a thousand prefixes are taken, one more is refused by name', () => {
    const prefixes = Array.from({ length: 1_001 }, (_, n) => `fhir/${n}/`);
    assert.ok(parse({ prefixes: prefixes.slice(1) }));
    assert.deepEqual(
      errorsOf({ prefixes }).map(({ path }) => path),
      ['prefixes'],
    );
  });

  test('a prefix may be as long as a key, in bytes of UTF-8', () => {
    assert.ok(parse({ prefixes: ['é'.repeat(512)] }));
    const [error] = errorsOf({ prefixes: ['a', 'é'.repeat(513)] });
    assert.equal(error?.path, 'prefixes.1');
    assert.match(error?.message ?? '', /1024 bytes at most/);
  });

  test('of many unknown parameters the first hundred are named', () => {
    const errors = errorsOf(Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`key${n}`, n])));
    assert.equal(errors.length, 100);
    assert.equal(errors[0]?.path, 'key0');
  });
});
