import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { listingPage, startHostileStore, writeWithoutEnd } from '../support/hostile-store.ts';
import type { Closing } from '../support/last-first.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });

/** What may have gone out before the client's refusal reached the store: the answer's cap, five tries, sockets' buffers. */
const MOST_SENT = 64 * 1024 * 1024;

/** Hostile stores have buckets of any name; the loader's own records tell them apart. */
let buckets = 0;
const nextBucket = () => `hostile-${++buckets}`;

describe('a store that answers a listing', () => {
  for (const [what, status, text] of [
    ['with a page without end', 200, '<Contents><Key>Patient.ndjson</Key></Contents>'],
    ['with text without end', 200, 'not xml at all '],
    ['with an error without end', 400, '<Code>x</Code>'],
    ['with a server error without end', 500, 'trouble '],
  ] as const)
    test(`${what} ends the call, and nothing is queued`, async (t) => {
      const store = await startHostileStore(t, (_request, response) => {
        response.writeHead(status, { 'content-type': 'application/xml' });
        if (status === 200) response.write('<ListBucketResult><Name>b</Name>');
        writeWithoutEnd(response, text);
      });
      const bucket = nextBucket();
      const { status: answered, body } = await server.startLoad(bucket, { account: store.account });
      assert.equal(answered, 422);
      assert.equal(body.error?.code, 'AnswerTooLarge');
      assert.match(body.error?.message ?? '', /^AnswerTooLarge: 127\.0\.0\.1 answered with more than \d+ bytes/);
      await waitFor(() => store.openSockets() === 0, { what: 'the close of the connections' });
      assert.ok(store.sent() < MOST_SENT, `${store.sent()} bytes were taken`);
      assert.deepEqual(
        await server.sql('select from loaderfile where resource ->> $1 = $2', ['bucket', `s3://${bucket}`]),
        [],
      );
    });

  test('with a continuation token without end is refused', async (t) => {
    const store = await startHostileStore(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' }).end(listingPage([], 'x'.repeat(1_000_000)));
    });
    const { body } = await server.startLoad(nextBucket(), { account: store.account });
    assert.match(body.error?.message ?? '', /IncompleteListing: the continuation token has no end/);
  });

  test('with empty pages without end is refused', async (t) => {
    let page = 0;
    const store = await startHostileStore(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' }).end(listingPage([], `token-${page++}`));
    });
    const { body } = await server.startLoad(nextBucket(), { account: store.account });
    assert.match(body.error?.message ?? '', /IncompleteListing: \d+ pages in a row list nothing/);
  });
});

describe('a store that lists without end', () => {
  const startEndless = async (t: Closing) => {
    let page = 0;
    return await startHostileStore(t, (_request, response) => {
      const keys = Array.from({ length: 10 }, (_, n) => `a/${page}/Patient-${n}.ndjson`);
      response.writeHead(200, { 'content-type': 'application/xml' }).end(listingPage(keys, `token-${page++}`));
    });
  };
  /** Whether the store is asked for nothing more: no connection of a listing goes on. */
  const isLeftAlone = async (requests: readonly string[]) => {
    const before = requests.length;
    for (let turn = 0; turn < 200; turn++) await setImmediate();
    return requests.length === before;
  };

  test('is left alone once the caller has left', async (t) => {
    const store = await startEndless(t);
    const caller = new AbortController();
    const call = fetch(`${server.url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        method: 'aidbox.bulk/load-from-bucket',
        params: { bucket: `s3://${nextBucket()}`, account: store.account },
      }),
      signal: caller.signal,
    });
    await waitFor(() => store.requests.length > 5, { what: 'some pages' });
    caller.abort();
    await assert.rejects(call);
    await waitFor(() => isLeftAlone(store.requests), { what: 'the end of the listing' });
  });

  test('is left alone once the load is cancelled, and the call is answered', async (t) => {
    const store = await startEndless(t);
    const bucket = nextBucket();
    const call = server.startLoad(bucket, { account: store.account });
    await waitFor(() => store.requests.length > 5, { what: 'some pages' });
    const cancelled = await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    assert.equal(cancelled.status, 200);
    const { status, body } = await call;
    assert.equal(status, 422);
    assert.equal(body.error?.message, `The call was cancelled while it listed <s3://${bucket}>; nothing is queued.`);
    await waitFor(() => isLeftAlone(store.requests), { what: 'the end of the listing' });
  });
});
