import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createS3Client } from '../../../src/source/s3/create-s3-client.ts';
import { listObjects } from '../../../src/source/s3/list-objects.ts';
import type { ObjectOfBucket } from '../../../src/source/s3/object-download.ts';
import { ObjectReader } from '../../../src/source/s3/object-reader.ts';
import { S3Error } from '../../../src/source/s3/s3-error.ts';
import { startBlackhole } from '../../support/blackhole.ts';
import { startS3Endpoint } from '../../support/s3-endpoint.ts';
import type { S3Fault } from '../../support/s3-fault.ts';
import { S3FaultProxy } from '../../support/s3-fault-proxy.ts';
import { waitFor } from '../../support/wait-for.ts';

/** What the SDK notes of a request that failed. */
const attemptsSchema = z.object({ $metadata: z.object({ attempts: z.number() }) });

const KEY = 'a folder/Patient-1.ndjson.gz';
const CONTENT = randomBytes(600_000);

const s3 = await startS3Endpoint({ after });
const proxy = await S3FaultProxy.start({ after }, s3);
const { account } = proxy;
const clientOf = (endpoint: string, connectTimeoutMs = 0) =>
  createS3Client(
    {
      endpoint,
      region: account.region,
      credentials: { accessKeyId: account['access-key-id'], secretAccessKey: account['secret-access-key'] },
    },
    { connectTimeoutMs, maxSockets: 8, allowPrivateHosts: true },
  );
const client = clientOf(proxy.url);
after(() => client.destroy());

let object: ObjectOfBucket;
beforeEach(async () => {
  const bucket = await s3.createBucket();
  await s3.putObject(bucket, KEY, CONTENT);
  proxy.rule = () => undefined;
  const listing = { bucket, prefixes: [], limitMs: 0, signal: new AbortController().signal };
  for await (const [listed] of listObjects(client, listing)) object = { ...listed, bucket, key: KEY, size: 600_000 };
  proxy.requests.length = 0;
});

const reader = (options: { readTimeoutMs?: number; signal?: AbortSignal; size?: number } = {}) =>
  new ObjectReader(
    client,
    { ...object, ...(options.size === undefined ? {} : { size: options.size }) },
    { readTimeoutMs: options.readTimeoutMs ?? 0, signal: options.signal ?? new AbortController().signal },
  );
const readAll = async (from: ObjectReader): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of from.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
};
/** The first so many reads of the object meet these faults, in order. */
const firstReads = (...faults: (S3Fault | undefined)[]) => {
  let reads = 0;
  proxy.rule = ({ method, key }) => (method === 'GET' && key === KEY ? faults[reads++] : undefined);
};
const failure = async (from: ObjectReader): Promise<S3Error> => {
  const error = await readAll(from).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof S3Error, String(error));
  assert.ok(error.message.includes(`s3://${object.bucket}/${KEY}`), error.message);
  return error;
};

describe('a body that breaks off goes on at its next byte', () => {
  for (const kind of ['reset', 'truncate', 'end-early'] as const) {
    test(`${kind}, several times`, async () => {
      firstReads({ kind, afterBytes: 100_000 }, { kind, afterBytes: 1 }, { kind, afterBytes: 200_001 });
      const read = reader();
      assert.ok((await readAll(read)).equals(CONTENT));
      assert.equal(read.bytes, CONTENT.length);
      assert.ok(read.resumes >= 3, `${read.resumes} resumes`);
      const [first, ...rest] = proxy.readsOf(KEY);
      assert.equal(first?.range, undefined);
      for (const { range, ifMatch } of rest) {
        assert.match(range ?? '', /^bytes=[1-9]\d*-$|^undefined$/);
        assert.equal(ifMatch, object.etag);
      }
    });
  }

  test('at every place: after no byte, at the last byte', async () => {
    firstReads({ kind: 'truncate', afterBytes: 599_999 }, { kind: 'end-early', afterBytes: 0 });
    assert.ok((await readAll(reader())).equals(CONTENT));
  });

  test('a store that ignores Range and sends the whole object again', async () => {
    firstReads({ kind: 'truncate', afterBytes: 350_000 }, { kind: 'ignore-range' });
    const read = reader();
    assert.ok((await readAll(read)).equals(CONTENT));
    assert.equal(read.resumes, 1);
  });

  test('a body that never comes whole ends, with a word on how far it came', async () => {
    proxy.rule = ({ range }) => ({ kind: 'truncate', afterBytes: range === undefined ? 1_000 : 0 });
    const error = await failure(reader());
    assert.equal(error.code, 'IncompleteBody');
    assert.match(error.message, /1000 of 600000 bytes/);
    assert.equal(error.transient, true);
  });
});

describe('an object that is another by now', () => {
  const replace = async () => await s3.putObject(object.bucket, KEY, randomBytes(600_000));

  test('replaced between listing and reading', async () => {
    await replace();
    assert.equal((await failure(reader())).code, 'PreconditionFailed');
  });

  test('replaced in mid-read', async () => {
    firstReads({ kind: 'reset', afterBytes: 100_000 }, { kind: 'first', run: replace });
    const error = await failure(reader());
    assert.equal(error.code, 'PreconditionFailed');
    assert.match(error.message, /replaced after it was listed/);
    assert.equal(error.transient, false);
  });

  test('longer than listed', async () => {
    assert.equal((await failure(reader({ size: 599_000 }))).code, 'PreconditionFailed');
  });
});

describe('an answer that is an error', () => {
  const cases = [
    { status: 403, code: 'AccessDenied', expected: 'AccessDenied', transient: false, reads: 1 },
    { status: 400, code: 'ExpiredToken', expected: 'ExpiredToken', transient: false, reads: 1 },
    { status: 404, code: 'NoSuchKey', expected: 'NoSuchKey', transient: false, reads: 1 },
    { status: 403, code: 'InvalidAccessKeyId', expected: 'InvalidAccount', transient: false, reads: 1 },
    { status: 403, code: 'SignatureDoesNotMatch', expected: 'InvalidAccount', transient: false, reads: 1 },
    { status: 503, code: 'SlowDown', expected: 'SlowDown', transient: true, reads: 5 },
    { status: 500, code: 'InternalError', expected: 'InternalError', transient: true, reads: 5 },
  ];
  for (const { status, code, expected, transient, reads } of cases) {
    test(`${status} ${code}: ${expected} after ${reads} requests`, async () => {
      proxy.rule = () => ({ kind: 'error', status, code });
      const error = await failure(reader());
      assert.equal(error.code, expected);
      assert.equal(error.transient, transient);
      assert.equal(proxy.readsOf(KEY).length, reads);
    });
  }

  test('a burst of 503 and 500 before the headers, and before those of a resume, goes unnoticed', async () => {
    const slowDown: S3Fault = { kind: 'error', status: 503, code: 'SlowDown' };
    firstReads(slowDown, slowDown, { kind: 'reset', afterBytes: 10_000 }, slowDown, {
      kind: 'error',
      status: 500,
      code: 'InternalError',
    });
    assert.ok((await readAll(reader())).equals(CONTENT));
  });

  test('connections that are reset before the headers', async () => {
    firstReads({ kind: 'hang-up' }, { kind: 'hang-up' });
    assert.ok((await readAll(reader())).equals(CONTENT));
  });

  test('connections refused', async () => {
    await proxy.refuse();
    try {
      const error = await failure(reader());
      assert.equal(error.code, 'ECONNREFUSED');
      assert.equal(error.transient, true);
    } finally {
      await proxy.listen();
    }
  });
});

describe('time', () => {
  test('read-timeout ends a stall in the body', async () => {
    firstReads({ kind: 'stall', afterBytes: 100_000 });
    const error = await failure(reader({ readTimeoutMs: 1_500 }));
    assert.equal(error.code, 'ReadTimeout');
    assert.match(error.message, /no bytes arrived for 1500 ms \(read-timeout\) after 100000 bytes/);
  });

  test('read-timeout ends a wait for headers, and keeps no connection for them', async () => {
    firstReads({ kind: 'no-answer' });
    assert.equal((await failure(reader({ readTimeoutMs: 300 }))).code, 'ReadTimeout');
    await waitFor(() => proxy.openSockets === 0, { what: 'the close of the connection that never answered' });
  });

  test('the pauses between the attempts at a request are no stall', async () => {
    const slowDown: S3Fault = { kind: 'error', status: 503, code: 'SlowDown' };
    firstReads(slowDown, slowDown, slowDown, slowDown);
    assert.ok((await readAll(reader({ readTimeoutMs: 1_500 }))).equals(CONTENT));
  });

  test('a trickle is no stall', async () => {
    // Twelve seconds in all.
    firstReads({ kind: 'trickle', chunkBytes: 20_000, everyMs: 400 });
    assert.ok((await readAll(reader({ readTimeoutMs: 8_000 }))).equals(CONTENT));
  });

  test('a consumer slower than read-timeout is no stall', async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of reader({ readTimeoutMs: 5_000 }).read()) {
      if (chunks.length === 4) await delay(6_000);
      chunks.push(chunk);
    }
    assert.ok(Buffer.concat(chunks).equals(CONTENT));
  });

  test('connect-timeout ends a connection that is never made, at its first attempt', async (t) => {
    const patient = clientOf(`http://127.0.0.1:${await startBlackhole(t)}`, 1_000);
    t.after(() => patient.destroy());
    const from = new ObjectReader(patient, object, { readTimeoutMs: 0, signal: new AbortController().signal });
    await assert.rejects(readAll(from), (error) => {
      assert.ok(error instanceof S3Error && error.code === 'ConnectTimeout', String(error));
      assert.equal(attemptsSchema.parse(error.cause).$metadata.attempts, 1);
      return true;
    });
  });
});

describe('nothing is left open', () => {
  test('bodies that nobody reads to the end give their connections back', async () => {
    for (let n = 0; n < 40; n++) for await (const chunk of reader().read()) if (chunk.length > 0) break;
    // maxSockets is 8: unread bodies would have stopped the ninth read for ever.
    assert.ok((await readAll(reader())).equals(CONTENT));
    await waitFor(() => proxy.openSockets <= 2, { what: 'the close of the unread bodies’ connections' });
  });

  test('aborting ends a stalled read with the reason given', async () => {
    firstReads({ kind: 'stall', afterBytes: 1_000 });
    const abort = new AbortController();
    const reading = readAll(reader({ signal: abort.signal }));
    await waitFor(() => proxy.made['stall'] !== undefined, { what: 'the stall' });
    abort.abort(new Error('enough'));
    await assert.rejects(reading, /enough/);
  });
});
