import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { crc32, gzipSync } from 'node:zlib';
import { Crc32c, Crc64Nvme } from '@aws-sdk/checksums/crc';
import type { ObjectToRead } from '../../../src/source/object-source.ts';
import { createS3Client } from '../../../src/source/s3/create-s3-client.ts';
import { ObjectReader } from '../../../src/source/s3/object-reader.ts';
import { S3Error } from '../../../src/source/s3/s3-error.ts';
import type { Closing } from '../../support/last-first.ts';
import { OddS3Server } from '../../support/odd-s3-server.ts';
import { errorXml } from '../../support/s3-fault.ts';

const KEY = 'Patient.ndjson';
const BODY = randomBytes(300_000);
const LATER = new Date('2026-03-01T10:00:05Z');

const setUp = async (t: Closing) => {
  const store = await OddS3Server.start(t);
  const client = createS3Client(
    { endpoint: store.url, region: 'us-east-1', credentials: { accessKeyId: 'id', secretAccessKey: 'secret' } },
    { connectTimeoutMs: 0, maxSockets: 4, allowPrivateHosts: true },
  );
  t.after(() => client.destroy());
  const read = async (object: Partial<ObjectToRead> = {}) => {
    const { body, etag, lastModified } = store.objects.get(KEY) ?? store.put(KEY, BODY);
    const listed = { bucket: 'bucket', key: KEY, size: body.length, etag, lastModified, ...object };
    const reader = new ObjectReader(client, listed, { readTimeoutMs: 0, signal: new AbortController().signal });
    const chunks: Buffer[] = [];
    for await (const chunk of reader.read()) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), reader };
  };
  const readerOf = () => {
    const { body, etag, lastModified } = store.objects.get(KEY) ?? store.put(KEY, BODY);
    const listed = { bucket: 'bucket', key: KEY, size: body.length, etag, lastModified };
    return new ObjectReader(client, listed, { readTimeoutMs: 0, signal: new AbortController().signal });
  };
  const failure = async (object: Partial<ObjectToRead> = {}): Promise<S3Error> => {
    const error: unknown = await read(object).then(
      ({ bytes }) => assert.fail(`read ${bytes.length} bytes`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof S3Error, String(error));
    return error;
  };
  const reads = () => store.requestsOf(KEY);
  return { store, read, readerOf, failure, reads };
};

const base64 = async (digest: Uint8Array | Promise<Uint8Array>) => Buffer.from(await digest).toString('base64');
const crc32Of = (bytes: Buffer) => {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
};
const awsCrc = (Hash: new () => { update(bytes: Uint8Array): void; digest(): Promise<Uint8Array> }, bytes: Buffer) => {
  const hash = new Hash();
  hash.update(bytes);
  return hash.digest();
};
const hashOf = (name: string, bytes: Buffer) => createHash(name).update(bytes).digest();

describe('bytes are held against the checksum that the store offers', () => {
  const headers: Record<string, (bytes: Buffer) => Promise<string>> = {
    'x-amz-checksum-crc32': (bytes) => base64(crc32Of(bytes)),
    'x-amz-checksum-sha1': (bytes) => base64(hashOf('sha1', bytes)),
    'x-amz-checksum-sha256': (bytes) => base64(hashOf('sha256', bytes)),
    'x-amz-checksum-crc32c': (bytes) => base64(awsCrc(Crc32c, bytes)),
    'x-amz-checksum-crc64nvme': (bytes) => base64(awsCrc(Crc64Nvme, bytes)),
    'x-goog-hash': async (bytes) =>
      `crc32c=${await base64(awsCrc(Crc32c, bytes))}, md5=${await base64(hashOf('md5', bytes))}`,
    'content-md5': (bytes) => base64(hashOf('md5', bytes)),
  };
  for (const [header, sumOf] of Object.entries(headers)) {
    test(`${header}: one wrong byte fails the object, the right bytes pass, over a resume too`, async (t) => {
      const { store, read, failure, reads } = await setUp(t);
      store.put(KEY, BODY, { headers: { [header]: await sumOf(BODY) } });
      assert.ok((await read()).bytes.equals(BODY));
      assert.equal(reads()[0]?.headers['x-amz-checksum-mode'], 'ENABLED');

      store.onGet = (answer, { nth }) => (nth === 2 ? { ...answer, breakAfter: 100_000 } : undefined);
      const broken = await read();
      assert.ok(broken.bytes.equals(BODY));
      assert.equal(broken.reader.resumes, 1);

      const wrong = Buffer.from(BODY);
      wrong[200_000] = (wrong[200_000] ?? 0) ^ 1;
      store.onGet = (answer) => ({ ...answer, body: wrong });
      const before = reads().length;
      const error = await failure();
      assert.equal(error.code, 'ChecksumMismatch');
      assert.equal(error.transient, true);
      assert.match(error.message, /bytes received have .+, the store says .+ discarded/);
      assert.equal(reads().length - before, 1, 'a mismatch is no broken body');
    });
  }

  test('what a checksum has shown is told again: a row that Postgres refuses may be met first', async (t) => {
    const { store, readerOf } = await setUp(t);
    store.put(KEY, BODY, { headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } });
    const reader = readerOf();
    await assert.rejects(async () => {
      for await (const chunk of reader.read()) assert.ok(chunk.length > 0);
    }, /ChecksumMismatch/);
    assert.equal((await reader.findDamage())?.code, 'ChecksumMismatch');
  });

  test('where the store stands still when the reading is given up, the rest is asked for anew', async (t) => {
    const { store, readerOf, reads } = await setUp(t);
    store.put(KEY, BODY, { headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } });
    store.onGet = (answer, { nth }) =>
      nth === 1 ? { ...answer, hold: { after: 100_000, until: new Promise(() => {}) } } : undefined;
    const reader = readerOf();
    const chunks = reader.read();
    while (reader.bytes < 100_000) await chunks.next();
    // As a pipeline does that fails at its other end: it waits for a chunk, and for the end of the reading.
    const next = assert.rejects(chunks.next(), /nobody reads the object any more/);
    const end = chunks.return(undefined);
    assert.equal((await reader.findDamage())?.code, 'ChecksumMismatch');
    await Promise.all([next, end]);
    assert.deepEqual([reader.bytes, reads()[1]?.headers.range], [BODY.length, 'bytes=100000-']);
  });

  for (const [what, given] of [
    ['of other characters', { 'x-amz-checksum-crc32': '?' }],
    ['in hexadecimal digits', { 'content-md5': hashOf('md5', BODY).toString('hex') }],
    ['of another length', { 'x-amz-checksum-sha256': 'AAAAAA==' }],
    ['without its end', { 'x-goog-hash': 'md5=AAAA' }],
  ] as const)
    test(`a checksum ${what} is refused by name: the bytes would go unchecked`, async (t) => {
      const { store, failure } = await setUp(t);
      store.put(KEY, BODY, { headers: given });
      const { code, message, transient } = await failure();
      const [[name, value] = []] = Object.entries(given);
      assert.deepEqual([code, transient], ['UnreadableAnswer', true]);
      assert.ok(message.includes(`its ${name}`) && message.includes(`${value?.replace('md5=', '')}"`), message);
      assert.ok(message.endsWith(`(s3://bucket/${KEY})`), message);
    });

  test('one that can be none is passed over where there is another, and an empty one is none', async (t) => {
    const { store, read, failure } = await setUp(t);
    store.put(KEY, BODY, {
      headers: { 'x-amz-checksum-crc32': '?', 'x-amz-checksum-sha1': await base64(hashOf('sha1', BODY)) },
    });
    assert.ok((await read()).bytes.equals(BODY));
    store.put(KEY, BODY, {
      headers: { 'x-amz-checksum-crc32': '?', 'x-amz-checksum-sha1': await base64(hashOf('sha1', Buffer.from(KEY))) },
    });
    assert.equal((await failure()).code, 'ChecksumMismatch');
    store.put(KEY, BODY, { headers: { 'content-md5': '' } });
    assert.ok((await read()).bytes.equals(BODY));
  });

  test('the rest of a large object is not read for it', async (t) => {
    const { store, readerOf, reads } = await setUp(t);
    store.put(KEY, Buffer.alloc(65 * 1024 * 1024), {
      etag: '"large"',
      headers: { 'x-amz-checksum-crc32': 'AAAAAA==' },
    });
    store.onGet = (answer) => ({ ...answer, hold: { after: 100_000, until: new Promise(() => {}) } });
    const reader = readerOf();
    const chunks = reader.read();
    await chunks.next();
    await chunks.return(undefined);
    assert.deepEqual([await reader.findDamage(), reads().length], [undefined, 1]);
  });

  test('a checksum of checksums, of an upload in parts, is none of the bytes', async (t) => {
    const { store, read } = await setUp(t);
    store.put(KEY, BODY, { headers: { 'x-amz-checksum-crc32': 'AAAAAA==-2' } });
    assert.ok((await read()).bytes.equals(BODY));
    store.put(KEY, BODY, { headers: { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-type': 'COMPOSITE' } });
    assert.ok((await read()).bytes.equals(BODY));
  });
});

describe('ETags are compared by what they name, not by spelling', () => {
  for (const [what, listed, answered] of [
    ['listed without quotes', 'abc', '"abc"'],
    ['answered without quotes', '"abc"', 'abc'],
    ['answered as a weak one', '"abc"', 'W/"abc"'],
    ['listed as a weak one', 'W/"abc"', '"abc"'],
    ['listed as empty', '', '"abc"'],
    ['listed as empty, in quotes', '""', '"abc"'],
  ] as const)
    test(what, async (t) => {
      const { store, read } = await setUp(t);
      store.put(KEY, BODY, { etag: '"abc"' });
      store.onGet = (answer, { nth }) => {
        answer.headers['etag'] = answered;
        return nth === 1 ? { ...answer, breakAfter: 1000 } : answer;
      };
      const { bytes, reader } = await read({ etag: listed });
      assert.ok(bytes.equals(BODY));
      assert.equal(reader.resumes, 1);
    });
});

describe('stores that cannot do with a header', () => {
  for (const refused of ['if-match', 'x-amz-checksum-mode'])
    test(`501 to ${refused}: asked without it, and pinned by the answer's ETag`, async (t) => {
      const { store, read, failure } = await setUp(t);
      store.onGet = (answer, { headers }) =>
        headers[refused] === undefined
          ? undefined
          : { ...answer, status: 501, headers: {}, body: Buffer.from(errorXml('NotImplemented', KEY)) };
      assert.ok((await read()).bytes.equals(BODY));
      assert.equal((await failure({ etag: '"another"' })).code, 'PreconditionFailed');
    });

  test('501 to if-match: a checksum is asked for all the same', async (t) => {
    const { store, failure } = await setUp(t);
    store.put(KEY, BODY, { headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } });
    store.onGet = (answer, { headers }) => {
      if (headers['if-match'] !== undefined) return { ...answer, status: 501, headers: {}, body: Buffer.alloc(0) };
      if (headers['x-amz-checksum-mode'] === undefined) answer.headers['x-amz-checksum-crc32'] = undefined;
      return answer;
    };
    assert.equal((await failure()).code, 'ChecksumMismatch');
  });

  /** Answers 412 to any ETag, and without one with these headers. */
  const refuseMatch = (store: OddS3Server, change: Record<string, string | undefined> = {}) => {
    store.onGet = (answer, { headers }) =>
      headers['if-match'] === undefined
        ? { ...answer, headers: { ...answer.headers, ...change } }
        : { ...answer, status: 412, headers: {}, body: Buffer.alloc(0) };
  };

  test('412 to an ETag that is the object’s by the store’s own answer', async (t) => {
    const { store, read } = await setUp(t);
    refuseMatch(store);
    assert.ok((await read()).bytes.equals(BODY));
  });

  test('412 to an ETag, and an answer without one: nothing says that it is the object listed', async (t) => {
    const { store, failure } = await setUp(t);
    refuseMatch(store, { etag: undefined });
    assert.equal((await failure()).code, 'PreconditionFailed');
  });
});

describe('an object replaced by one of the same size, at a store that ignores If-Match', () => {
  const other = randomBytes(BODY.length);
  /** The first read breaks off; what follows is of the new object. */
  const replaceAt = (
    { store }: Awaited<ReturnType<typeof setUp>>,
    change: (headers: Record<string, string | undefined>, version: 1 | 2) => void,
  ) => {
    store.onGet = (answer, { nth, from }) => {
      const headers = { ...answer.headers };
      change(headers, nth === 1 ? 1 : 2);
      return nth === 1
        ? { ...answer, headers, breakAfter: 100_000 }
        : { ...answer, status: from === undefined ? 200 : 206, headers, body: other.subarray(from ?? 0) };
    };
  };

  test('with ETags', async (t) => {
    const odd = await setUp(t);
    replaceAt(odd, (headers, version) => Object.assign(headers, { etag: `"v${version}"` }));
    assert.equal((await odd.failure({ etag: undefined })).code, 'PreconditionFailed');
  });

  test('without ETags: by Last-Modified', async (t) => {
    const odd = await setUp(t);
    replaceAt(odd, (headers, version) =>
      Object.assign(headers, { etag: undefined, ...(version === 2 ? { 'last-modified': LATER.toUTCString() } : {}) }),
    );
    const error = await odd.failure();
    assert.equal(error.code, 'PreconditionFailed');
  });

  test('without ETags, in the second in which the object was written: not resumed, read anew', async (t) => {
    const odd = await setUp(t);
    const now = new Date();
    odd.store.put(KEY, BODY, { lastModified: now });
    replaceAt(odd, (headers) => Object.assign(headers, { etag: undefined, date: now.toUTCString() }));
    const error = await odd.failure();
    assert.equal(error.code, 'IncompleteBody');
    assert.equal(error.transient, true);
    assert.match(error.message, /cannot be resumed, because the store gives no ETag/);
  });

  test('without ETags and times: not resumed, read anew', async (t) => {
    const odd = await setUp(t);
    replaceAt(odd, (headers) => Object.assign(headers, { etag: undefined, 'last-modified': undefined }));
    assert.equal((await odd.failure()).code, 'IncompleteBody');
  });

  test('without ETags, the same object: resumed', async (t) => {
    const { store, read } = await setUp(t);
    store.onGet = (answer, { nth }) => {
      answer.headers['etag'] = undefined;
      return nth === 1 ? { ...answer, breakAfter: 100_000 } : answer;
    };
    const { bytes, reader } = await read();
    assert.ok(bytes.equals(BODY));
    assert.equal(reader.resumes, 1);
  });
});

describe('a listing without ETags', () => {
  const listed = { etag: undefined };
  test('the object is pinned by the first answer’s ETag', async (t) => {
    const { store, read, reads } = await setUp(t);
    store.onGet = (answer, { nth }) => (nth === 1 ? { ...answer, breakAfter: 1 } : undefined);
    assert.ok((await read(listed)).bytes.equals(BODY));
    assert.equal(reads()[1]?.headers['if-match'], store.objects.get(KEY)?.etag);
  });

  test('replaced since: another time, another size', async (t) => {
    const { store, failure } = await setUp(t);
    const { lastModified } = store.put(KEY, BODY);
    store.put(KEY, randomBytes(BODY.length), { lastModified: LATER });
    assert.equal((await failure({ ...listed, lastModified })).code, 'PreconditionFailed');
    store.put(KEY, BODY);
    assert.equal((await failure({ ...listed, size: BODY.length - 1 })).code, 'PreconditionFailed');
  });
});

describe('a resume that does not go on where it was asked to', () => {
  const onResume = (shift: number, headers: Record<string, string | undefined> = {}, status = 206) => {
    return (
      answer: { headers: object; body: Buffer; status: number },
      { nth, from = 0 }: { nth: number; from?: number | undefined },
    ) => {
      if (nth === 1) return { ...answer, headers: { ...answer.headers }, breakAfter: 100_000 };
      const start = from + shift;
      const range = `bytes ${start}-${BODY.length - 1}/${BODY.length}`;
      const all = { ...answer.headers, 'content-length': undefined, 'content-range': range, ...headers };
      return { ...answer, status, headers: all, body: BODY.subarray(start) };
    };
  };

  test('earlier: what is there already is left out', async (t) => {
    const { store, read } = await setUp(t);
    store.onGet = onResume(-50_000);
    assert.ok((await read()).bytes.equals(BODY));
  });

  test('later: the file is read anew', async (t) => {
    const { store, failure } = await setUp(t);
    store.onGet = onResume(1);
    const error = await failure();
    assert.deepEqual([error.code, error.transient], ['WrongRange', true]);
  });

  test('a part of unknown place', async (t) => {
    const { store, failure } = await setUp(t);
    store.onGet = onResume(0, { 'content-range': undefined });
    assert.equal((await failure()).code, 'WrongRange');
  });

  test('416: the object is shorter by now', async (t) => {
    const { store, failure } = await setUp(t);
    const broken = onResume(0);
    store.onGet = (answer, request) =>
      request.nth === 1 ? broken(answer, request) : { ...answer, status: 416, headers: {}, body: Buffer.alloc(0) };
    assert.equal((await failure()).code, 'PreconditionFailed');
  });

  test('of an object of another length', async (t) => {
    const { store, failure } = await setUp(t);
    store.onGet = onResume(0, { 'content-range': `bytes 100000-${BODY.length}/${BODY.length + 1}` });
    assert.equal((await failure()).code, 'PreconditionFailed');
  });
});

describe('a size that is not known, or wrong', () => {
  for (const size of [undefined, 0])
    test(`listed as ${size}: the answer tells`, async (t) => {
      const { store, read } = await setUp(t);
      store.onGet = (answer, { nth }) => (nth === 1 ? { ...answer, breakAfter: 100_000 } : undefined);
      assert.ok((await read({ size })).bytes.equals(BODY));
    });

  test('empty when listed, and replaced since', async (t) => {
    const { failure } = await setUp(t);
    assert.equal((await failure({ size: 0, etag: '"d41d8cd98f00b204e9800998ecf8427e"' })).code, 'PreconditionFailed');
  });

  test('an empty object is asked for, and empty', async (t) => {
    const { store, read, reads } = await setUp(t);
    store.put(KEY, '');
    assert.equal((await read()).bytes.length, 0);
    assert.equal(reads().length, 1);
  });

  test('nobody tells how long it is', async (t) => {
    const { store, failure } = await setUp(t);
    store.onGet = (answer) => ({ ...answer, headers: { ...answer.headers, 'content-length': undefined } });
    assert.equal((await failure({ size: undefined })).code, 'NoSize');
    assert.equal((await failure({ size: 0 })).code, 'NoSize');
  });
});

test('a time that is none in the answer: the store is to blame, and the time is named', async (t) => {
  const { store, failure } = await setUp(t);
  store.onGet = (answer) => ({ ...answer, headers: { ...answer.headers, 'last-modified': 'yesterday' } });
  const { code, message } = await failure();
  assert.equal(code, 'UnreadableAnswer');
  assert.match(message, /^UnreadableAnswer: the store's answer cannot be read: [^\n]*yesterday[^\n]*$/);
});

describe('Content-Encoding', () => {
  const packed = gzipSync(BODY);
  test('a store that unpacks on the way gives the bytes that it keeps, over a resume too', async (t) => {
    const { store, read } = await setUp(t);
    store.put(KEY, packed, { headers: { 'content-encoding': 'gzip' } });
    store.onGet = (answer, { headers, nth }) => {
      // As Google does: unpacked, of unknown length, for a client that does not say that it takes gzip.
      if (headers['accept-encoding']?.includes('gzip') !== true) {
        const plain = { ...answer.headers, 'content-encoding': undefined, 'content-length': undefined };
        return { ...answer, status: 200, headers: plain, body: BODY };
      }
      return nth === 1 ? { ...answer, breakAfter: 100_000 } : undefined;
    };
    assert.ok((await read()).bytes.equals(packed));
  });

  test('a proxy that packs on the way is asked not to', async (t) => {
    const { store, read } = await setUp(t);
    store.onGet = (answer, { headers }) => {
      if (headers['accept-encoding']?.includes('gzip') !== true) return undefined;
      const all = { ...answer.headers, 'content-encoding': 'gzip', 'content-length': undefined };
      return { ...answer, headers: { ...all, etag: `W/${answer.headers['etag']}` }, body: gzipSync(answer.body) };
    };
    assert.ok((await read()).bytes.equals(BODY));
  });

  test('a store that unpacks whatever is asked: said so, not "replaced"', async (t) => {
    const { store, failure } = await setUp(t);
    store.put(KEY, packed);
    store.onGet = (answer) => {
      const headers = { ...answer.headers, 'content-encoding': 'gzip', 'content-length': String(BODY.length) };
      return { ...answer, headers, body: BODY.subarray(0, BODY.length) };
    };
    store.put(KEY, packed.subarray(0, 1000));
    const error = await failure();
    assert.equal(error.code, 'ContentEncoding');
    assert.match(
      error.message,
      /Content-Encoding gzip .* 1000 bytes that it keeps; upload it without Content-Encoding/,
    );
  });

  test('bytes as they are kept pass, whatever their Content-Encoding', async (t) => {
    const { store, read, reads } = await setUp(t);
    store.put(KEY, packed, { headers: { 'content-encoding': 'gzip' } });
    assert.ok((await read()).bytes.equals(packed));
    assert.equal(reads().length, 1);
  });
});

test('a body whose bytes have all come is whole, however the connection ends', async (t) => {
  const { store, read } = await setUp(t);
  store.onGet = (answer) => ({
    ...answer,
    headers: { ...answer.headers, 'content-length': undefined },
    breakAfter: BODY.length,
  });
  const { bytes, reader } = await read();
  assert.ok(bytes.equals(BODY));
  assert.equal(reader.resumes, 0);
});
