import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { createS3Client } from '../../../src/source/s3/create-s3-client.ts';
import { ObjectReader } from '../../../src/source/s3/object-reader.ts';
import { RangeBudget } from '../../../src/source/s3/range-window.ts';
import { S3Error } from '../../../src/source/s3/s3-error.ts';
import type { Closing } from '../../support/last-first.ts';
import { type OddAnswer, type OddGet, OddS3Server } from '../../support/odd-s3-server.ts';
import { errorXml } from '../../support/s3-fault.ts';

const KEY = 'Patient.ndjson';
const BODY = randomBytes(300_000);
const PART = 20_000;
/** The body stops here until ranges are asked for, or it would be over before. */
const HELD = 50_000;

/** The answer to one of the ranges, the first of them being 1, or as the store gives it. */
type OnRange = (answer: OddAnswer, request: OddGet & { range: number }) => OddAnswer | undefined;

const setUp = async (t: Closing, onRange: OnRange = () => undefined) => {
  const store = await OddS3Server.start(t);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(BODY));
  const object = store.put(KEY, BODY, { headers: { 'x-amz-checksum-crc32': sum.toString('base64') } });
  const client = createS3Client(
    { endpoint: store.url, region: 'us-east-1', credentials: { accessKeyId: 'id', secretAccessKey: 'secret' } },
    { connectTimeoutMs: 0, maxSockets: 16, allowPrivateHosts: true },
  );
  t.after(() => client.destroy());
  const ranges: string[] = [];
  const asked = Promise.withResolvers<void>();
  /** So many ranges asked for let the body go on: the second one follows the answer to the first. */
  const state = { enough: 2, change: (_: OddAnswer): void => {} };
  store.onGet = (answer, request) => {
    state.change(answer);
    if (request.to === undefined) {
      return request.from === undefined ? { ...answer, hold: { after: HELD, until: asked.promise } } : undefined;
    }
    ranges.push(request.headers.range ?? '');
    if (ranges.length >= state.enough) asked.resolve();
    return onRange(answer, { ...request, range: ranges.length });
  };
  const budget = new RangeBudget();
  const reader = ({ signal = new AbortController().signal, readTimeoutMs = 0, isTooSlow = true } = {}) =>
    new ObjectReader(
      client,
      { bucket: 'bucket', key: KEY, size: BODY.length, etag: object.etag, lastModified: object.lastModified },
      {
        readTimeoutMs,
        signal,
        requesterPays: true,
        ranges: { budget, limits: { partBytes: PART, parts: 3 }, pace: { isTooSlow: () => isTooSlow } },
      },
    );
  const read = async (from = reader()) => {
    const chunks: Buffer[] = [];
    for await (const chunk of from.read()) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), reader: from };
  };
  const failure = async (from = reader()): Promise<S3Error> => {
    const error: unknown = await read(from).then(
      ({ bytes }) => assert.fail(`read ${bytes.length} bytes`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof S3Error, String(error));
    return error;
  };
  return { store, object, ranges, state, asked, budget, reader, read, failure };
};
const refusal = (status: number, code: string): OddAnswer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(errorXml(code, KEY)),
});

test('the rest is read in ranges: each byte once, in order, held against the checksum', async (t) => {
  const { store, object, ranges, read } = await setUp(t);
  const { bytes, reader } = await read();
  assert.ok(bytes.equals(BODY));
  assert.equal(reader.bytes, BODY.length);
  assert.equal(reader.resumes, 0);
  const places = ranges
    .map((range) => /^bytes=(\d+)-(\d+)$/.exec(range)?.slice(1).map(Number) ?? [])
    .sort(([a = 0], [b = 0]) => a - b);
  for (const [n, [from = 0, to = 0]] of places.entries()) {
    const isLast = n === places.length - 1;
    assert.equal(to, isLast ? BODY.length - 1 : from + PART - 1);
    if (!isLast) assert.equal(places[n + 1]?.[0], to + 1);
  }
  assert.ok(ranges.length >= 10, `${ranges.length} ranges`);
  for (const { headers } of store.requestsOf(KEY)) {
    assert.equal(headers['if-match'], object.etag);
    assert.equal(headers['x-amz-request-payer'], 'requester');
  }
});

test('a store that is fast enough is asked once', async (t) => {
  const { store, asked, reader, read } = await setUp(t);
  asked.resolve();
  assert.ok((await read(reader({ isTooSlow: false }))).bytes.equals(BODY));
  assert.equal(store.requestsOf(KEY).length, 1);
});

describe('ranges are not asked for where they could not be told to be of this version', () => {
  for (const [what, change] of [
    ['no ETag', { etag: undefined }],
    ['no length', { 'content-length': undefined }],
    ['a Content-Encoding', { 'content-encoding': 'gzip' }],
  ] as const)
    test(what, async (t) => {
      const { store, state, asked, read } = await setUp(t);
      asked.resolve();
      state.change = (answer) => void Object.assign(answer.headers, change);
      assert.ok((await read()).bytes.equals(BODY));
      assert.equal(store.requestsOf(KEY).length, 1);
    });
});

describe('a store that cannot do with ranges is read in one body', () => {
  const whole = (answer: OddAnswer): OddAnswer => {
    const headers = { ...answer.headers, 'content-range': undefined, 'content-length': String(BODY.length) };
    return { status: 200, headers, body: BODY };
  };
  const cases: Record<string, OnRange> = {
    '200 and the whole object': whole,
    'a refusal': () => refusal(501, 'NotImplemented'),
    'denied access': () => refusal(403, 'AccessDenied'),
    416: () => refusal(416, 'InvalidRange'),
    'a Content-Range elsewhere': (answer, { from = 0, to }) => ({
      ...answer,
      headers: { ...answer.headers, 'content-range': `bytes ${from + 1}-${to}/${BODY.length}` },
    }),
    'no Content-Range': (answer) => ({ ...answer, headers: { ...answer.headers, 'content-range': undefined } }),
    'another Content-Encoding': (answer) => ({ ...answer, headers: { ...answer.headers, 'content-encoding': 'br' } }),
  };
  for (const [what, onRange] of Object.entries(cases)) {
    test(`${what}, to the first: no second one is asked for, and the body goes on`, async (t) => {
      const { store, state, ranges, read } = await setUp(t, onRange);
      state.enough = 1;
      assert.ok((await read()).bytes.equals(BODY));
      assert.equal(new Set(ranges).size, 1);
      assert.equal(store.requestsOf(KEY).filter(({ headers }) => headers.range === undefined).length, 1);
    });

    test(`${what}, to a later one: goes on in one body from there`, async (t) => {
      const { store, read } = await setUp(t, (answer, request) =>
        request.range >= 4 ? onRange(answer, request) : undefined,
      );
      const { bytes, reader } = await read();
      assert.ok(bytes.equals(BODY));
      assert.equal(reader.resumes, 0);
      assert.match(store.requestsOf(KEY).at(-1)?.headers.range ?? '', /^bytes=\d+-$/);
    });
  }

  test('501 to If-Match: ranges without it, pinned by their ETags', async (t) => {
    const { store, read } = await setUp(t);
    const { onGet } = store;
    store.onGet = (answer, request) =>
      request.headers['if-match'] === undefined ? onGet(answer, request) : refusal(501, 'NotImplemented');
    assert.ok((await read()).bytes.equals(BODY));
  });
});

describe('a range that breaks off', () => {
  const cases: Record<string, OnRange> = {
    'is cut': (answer) => ({ ...answer, breakAfter: 7_000 }),
    'is shorter than asked for': (answer, { from = 0 }) => ({
      ...answer,
      headers: {
        ...answer.headers,
        'content-length': '7000',
        'content-range': `bytes ${from}-${from + 6_999}/${BODY.length}`,
      },
      body: answer.body.subarray(0, 7_000),
    }),
  };
  for (const [what, onRange] of Object.entries(cases))
    test(`${what}: goes on at its next byte`, async (t) => {
      const { read } = await setUp(t, (answer, request) =>
        request.range === 4 ? onRange(answer, request) : undefined,
      );
      const { bytes, reader } = await read();
      assert.ok(bytes.equals(BODY));
      assert.equal(reader.resumes, 1);
    });

  test('is longer than asked for: the rest is left out', async (t) => {
    const { read } = await setUp(t, (answer, { from = 0 }) => {
      const body = BODY.subarray(from);
      const range = `bytes ${from}-${BODY.length - 1}/${BODY.length}`;
      const headers = { ...answer.headers, 'content-range': range, 'content-length': String(body.length) };
      return { ...answer, headers, body };
    });
    assert.ok((await read()).bytes.equals(BODY));
  });

  test('503 before its headers goes unnoticed', async (t) => {
    const { read } = await setUp(t, (_answer, { range }) => (range === 2 ? refusal(503, 'SlowDown') : undefined));
    const { bytes, reader } = await read();
    assert.ok(bytes.equals(BODY));
    assert.equal(reader.resumes, 0);
  });

  test('stops: read-timeout ends it', async (t) => {
    const { reader, failure } = await setUp(t, (answer, { range }) =>
      range === 4 ? { ...answer, hold: { after: 1_000, until: new Promise(() => {}) } } : undefined,
    );
    const error = await failure(reader({ readTimeoutMs: 1_500 }));
    assert.equal(error.code, 'ReadTimeout');
    assert.match(error.message, /no bytes arrived for 1500 ms \(read-timeout\) after \d+ bytes/);
  });
});

describe('an object replaced between two ranges', () => {
  const other = randomBytes(BODY.length);
  test('412: the file fails', async (t) => {
    const { store, object, failure } = await setUp(t, (_answer, { range }) => {
      if (range === 3) store.put(KEY, other);
      return undefined;
    });
    assert.equal((await failure()).code, 'PreconditionFailed');
    assert.notEqual(store.objects.get(KEY)?.etag, object.etag);
  });

  test('at a store that ignores If-Match: by the ETag', async (t) => {
    let isReplaced = false;
    const { store, failure } = await setUp(t, (answer, { range, from = 0, to = 0 }) => {
      isReplaced ||= range === 3;
      if (!isReplaced) return undefined;
      return { ...answer, headers: { ...answer.headers, etag: '"other"' }, body: other.subarray(from, to + 1) };
    });
    const { onGet } = store;
    store.onGet = (answer, request) =>
      isReplaced && request.to === undefined
        ? { ...answer, headers: { ...answer.headers, etag: '"other"' }, body: other.subarray(request.from) }
        : onGet(answer, request);
    assert.equal((await failure()).code, 'PreconditionFailed');
  });

  test('one wrong byte in one range: by the checksum', async (t) => {
    const { failure } = await setUp(t, (answer, { range }) => {
      const body = Buffer.from(answer.body);
      if (range === 5) body[100] = (body[100] ?? 0) ^ 1;
      return { ...answer, body };
    });
    const error = await failure();
    assert.equal(error.code, 'ChecksumMismatch');
    assert.equal(error.transient, true);
  });
});

test('two objects of a thread are read in ranges at a time, and give that up at their end, however it comes', async (t) => {
  const { budget, reader, read, failure, store, ranges } = await setUp(t);
  assert.ok((await read()).bytes.equals(BODY));
  const stopped = new AbortController();
  for await (const _ of reader().read()) if (ranges.length > 20) break;
  const aborted = reader({ signal: stopped.signal });
  await assert.rejects(async () => {
    for await (const _ of aborted.read()) if (aborted.bytes > 100_000) stopped.abort(new Error('enough'));
  }, /enough/);
  store.put(KEY, randomBytes(10));
  await failure();
  assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false]);
});
