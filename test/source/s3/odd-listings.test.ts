import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ListedObject } from '../../../src/source/object-source.ts';
import { createS3Client } from '../../../src/source/s3/create-s3-client.ts';
import { listObjects } from '../../../src/source/s3/list-objects.ts';
import { S3Error } from '../../../src/source/s3/s3-error.ts';
import type { Closing } from '../../support/last-first.ts';
import { OddS3Server } from '../../support/odd-s3-server.ts';

const KEYS = Array.from({ length: 25 }, (_, n) => `fhir/Patient-${String(n).padStart(2, '0')}.ndjson`);

const setUp = async (t: Closing, keys: readonly string[] = KEYS) => {
  const store = await OddS3Server.start(t);
  store.pageSize = 10;
  for (const key of keys) store.put(key, key);
  const client = createS3Client(
    { endpoint: store.url, region: 'us-east-1', credentials: { accessKeyId: 'id', secretAccessKey: 'secret' } },
    { connectTimeoutMs: 0, maxSockets: 4, allowPrivateHosts: true },
  );
  t.after(() => client.destroy());
  const list = async (prefixes: readonly string[] = []) => {
    const objects: ListedObject[] = [];
    const { signal } = new AbortController();
    for await (const page of listObjects(client, { bucket: 'bucket', prefixes, limitMs: 0, signal })) {
      objects.push(...page);
    }
    return objects;
  };
  const listedKeys = async (prefixes?: readonly string[]) => (await list(prefixes)).map(({ key }) => key);
  const refusal = async () => {
    const error: unknown = await list().then(
      (objects) => assert.fail(`listed ${objects.length} objects`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof S3Error, String(error));
    assert.equal(error.code, 'IncompleteListing');
    return error.message;
  };
  return { store, list, listedKeys, refusal };
};

describe('a listing is complete or refused', () => {
  test('by tokens', async (t) => {
    const { store, listedKeys } = await setUp(t);
    assert.deepEqual(await listedKeys(), KEYS);
    assert.equal(store.requests.length, 3);
  });

  test('a store that ignores list-type=2 gives no token: continued by marker', async (t) => {
    const { store, listedKeys } = await setUp(t);
    store.knowsListV2 = false;
    assert.deepEqual(await listedKeys(), KEYS);
    assert.equal(store.requests.length, 3);
  });

  for (const [what, token] of [
    ['without a token', undefined],
    ['with an empty token', ''],
    ['with the same token again and again', 'same'],
  ] as const)
    test(`${what}: continued by marker`, async (t) => {
      const { store, listedKeys } = await setUp(t);
      store.onList = (page, query) => {
        if (page.elements['IsTruncated'] === 'true' && query.get('list-type') === '2') {
          page.elements['NextContinuationToken'] = token;
        }
      };
      // The token `same` sorts after all keys, so the store answers nothing to it.
      if (token === 'same') {
        const { onList } = store;
        store.onList = (page, query) => {
          if (query.get('continuation-token') === 'same') {
            page.elements['IsTruncated'] = 'true';
            page.contents = KEYS.slice(0, 10).map((Key) => ({ Key, Size: '1', ETag: '"e"', LastModified: undefined }));
          }
          onList(page, query);
        };
      }
      assert.deepEqual([...new Set(await listedKeys())], KEYS);
    });

  test('tokens that come again after others', async (t) => {
    const { store, listedKeys } = await setUp(t);
    let page = 0;
    store.onList = ({ contents, elements }, query) => {
      if (query.get('list-type') !== '2') return;
      elements['IsTruncated'] = 'true';
      elements['NextContinuationToken'] = page++ % 2 === 0 ? 'fhir/A' : 'fhir/B';
      contents.length = Math.min(contents.length, 10);
    };
    assert.deepEqual([...new Set(await listedKeys())], KEYS);
  });

  test('no IsTruncated, and a token that comes again, on a short page', async (t) => {
    const { store, listedKeys } = await setUp(t);
    store.onList = ({ contents, elements }, query) => {
      if (query.get('list-type') !== '2') return;
      Object.assign(elements, { IsTruncated: undefined, NextContinuationToken: 'fhir/A', MaxKeys: '1000' });
      contents.length = Math.min(contents.length, 10);
    };
    assert.deepEqual([...new Set(await listedKeys())], KEYS);
  });

  test('no IsTruncated, and a full page', async (t) => {
    const { store, listedKeys } = await setUp(t);
    store.onList = ({ elements }) => {
      elements['IsTruncated'] = undefined;
      elements['NextContinuationToken'] = undefined;
    };
    assert.deepEqual(await listedKeys(), KEYS);
  });

  test('a store that knows neither tokens nor markers is refused', async (t) => {
    const { store, refusal } = await setUp(t);
    store.onList = (page) => {
      page.contents = KEYS.slice(0, 10).map((Key) => ({ Key, Size: '1', ETag: '"e"', LastModified: undefined }));
      Object.assign(page.elements, { IsTruncated: 'true', NextContinuationToken: undefined });
    };
    assert.match(await refusal(), /the store begins before it; nothing is queued \(s3:\/\/bucket\/\)$/);
  });

  test('no token, and keys in no order, are refused', async (t) => {
    const { store, refusal } = await setUp(t);
    store.onList = (page) => {
      page.contents.reverse();
      page.elements['NextContinuationToken'] = undefined;
    };
    assert.match(await refusal(), /keys are not in order/);
  });

  test('more announced, but no object and no token', async (t) => {
    const { store, refusal } = await setUp(t);
    store.onList = (page) => {
      page.contents = [];
      Object.assign(page.elements, { IsTruncated: 'true', NextContinuationToken: undefined });
    };
    assert.match(await refusal(), /not how to list them/);
  });

  for (const [what, Key] of [
    ['without a key', undefined],
    ['with an empty key', ''],
  ] as const)
    test(`an object ${what}`, async (t) => {
      const { store, refusal } = await setUp(t);
      store.onList = ({ contents: [first] }) => {
        if (first !== undefined) first.Key = Key;
      };
      assert.match(await refusal(), /without its key/);
    });

  test('an object with a time that is none: the store is to blame, and the time and the key are named', async (t) => {
    const { store, list } = await setUp(t);
    store.onList = ({ contents: [, second] }) => {
      if (second !== undefined) second.LastModified = 'yesterday';
    };
    await assert.rejects(list(), {
      code: 'UnreadableAnswer',
      message:
        /^UnreadableAnswer: the store's answer cannot be read: [^\n]*yesterday, LastModified of the object "[^"]*Patient-0*1[^"]*" \(s3:\/\/bucket\/\)$/,
    });
  });
});

describe('a size that cannot be is refused: it would be read as another version of the object, or fail as no known error', () => {
  for (const [what, odd] of [
    ['a negative size', { Size: '-5' }],
    ['a size in words', { Size: '5 bytes' }],
    ['a size beyond all numbers', { Size: '9'.repeat(30) }],
  ] as const)
    test(what, async (t) => {
      const { store, refusal } = await setUp(t);
      store.onList = ({ contents: [first] }) => {
        if (first !== undefined) Object.assign(first, odd);
      };
      assert.match(
        await refusal(),
        /the object "[^"]*Patient[^"]*" is listed with a size that is not a number of bytes; nothing is queued/,
      );
    });
});

test('what a store does not list is absent, and the object is listed all the same', async (t) => {
  const { store, list } = await setUp(t, ['Patient.ndjson']);
  store.onList = ({ contents: [first] }) => {
    if (first !== undefined) Object.assign(first, { Size: undefined, ETag: undefined, LastModified: undefined });
  };
  assert.deepEqual(await list(), [
    { key: 'Patient.ndjson', size: undefined, etag: undefined, lastModified: undefined },
  ]);
});

test('a store that ignores prefixes lists no more than was asked for', async (t) => {
  const { store, listedKeys } = await setUp(t, ['a/Patient.ndjson', 'b/Patient.ndjson']);
  store.onList = (page) => {
    const one = { Size: '1', ETag: '"e"', LastModified: undefined };
    page.contents = ['a/Patient.ndjson', 'b/Patient.ndjson'].map((Key) => ({ Key, ...one }));
  };
  assert.deepEqual(await listedKeys(['b/']), ['b/Patient.ndjson']);
});

describe('keys', () => {
  const odd = [
    'a b.ndjson',
    'a+b.ndjson',
    'a%20b.ndjson',
    'ä\u0001\n.ndjson',
    '💉.ndjson',
    '<&>"\'.ndjson',
    '//a/../b.ndjson',
  ];
  test('with control characters and all that XML or URLs would change', async (t) => {
    const { listedKeys } = await setUp(t, odd);
    assert.deepEqual((await listedKeys()).toSorted(), odd.toSorted());
  });

  test('of a store that does not encode them', async (t) => {
    const plain = odd.filter((key) => !key.includes('\u0001'));
    const { store, listedKeys } = await setUp(t, plain);
    store.onList = (page) => {
      page.elements['EncodingType'] = undefined;
      page.contents = plain.map((Key) => ({ Key, Size: '1', ETag: '"e"', LastModified: undefined }));
    };
    assert.deepEqual((await listedKeys()).toSorted(), plain.toSorted());
  });
});
