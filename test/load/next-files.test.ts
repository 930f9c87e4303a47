import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { loaderFileId } from '../../src/store/loader-file/loader-file.ts';
import { ndjson, patients } from '../support/ndjson.ts';
import { type OddGet, OddS3Server } from '../support/odd-s3-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const FIRST = 'Patient-1.ndjson';
const SECOND = 'Patient-2.ndjson';
const THIRD = 'Patient-3.ndjson';

/** A store of three files, the largest first; the first of them does not come to its end before the test says so. */
async function heldStore(t: TestContext, bucket: string) {
  const store = await OddS3Server.start(t);
  for (const [key, rows] of [
    [FIRST, 300],
    [SECOND, 200],
    [THIRD, 100],
  ] as const)
    store.put(key, ndjson(patients(rows, `${bucket}-${key}`)));
  const end = Promise.withResolvers<void>();
  t.after(() => end.resolve());
  const change = { of: (_: OddGet): ReturnType<OddS3Server['onGet']> => undefined };
  store.onGet = (answer, request) =>
    request.object.key === FIRST ? { ...answer, hold: { after: 100, until: end.promise } } : change.of(request);
  const params = { account: store.account, 'thread-num': 1 };
  const reads = (key: string) => store.requestsOf(key).length;
  const count = async () =>
    (await server.sql('select id from patient where starts_with(id, $1)', [`${bucket}-`])).length;
  const settled = () => server.ended(bucket);
  return { store, end: () => end.resolve(), change, params, reads, count, settled };
}

describe('while a file is read, the one that comes next', () => {
  test('is asked for already, once, and its slot does not wait for the store', async (t) => {
    const { end, params, reads, count, settled } = await heldStore(t, 'next');
    await server.startLoad('next', params);
    await waitFor(() => reads(SECOND) === 1, { what: 'the request for the second file' });
    assert.equal(reads(THIRD), 0);
    assert.equal((await server.loaderFile('next', SECOND)).status, 'pending');
    end();
    await settled();
    assert.deepEqual([FIRST, SECOND, THIRD].map(reads), [1, 1, 1]);
    assert.equal(await count(), 600);
  });

  test('is read anew where a later call has listed another version of it', async (t) => {
    const { store, end, params, reads, count, settled } = await heldStore(t, 'newer');
    await server.startLoad('newer', params);
    await waitFor(() => reads(SECOND) === 1, { what: 'the request for the second file' });
    const lastModified = new Date('2026-03-02T10:00:00Z');
    store.put(SECOND, ndjson(patients(250, `newer-${SECOND}`)), { lastModified });
    await server.startLoad('newer', params);
    end();
    await settled();
    assert.equal(reads(SECOND), 2);
    assert.equal(await count(), 650);
  });

  test('is loaded all the same where the store did not give it then', async (t) => {
    const { change, end, params, reads, count, settled } = await heldStore(t, 'refused');
    change.of = ({ object, nth }) =>
      object.key === SECOND && nth === 1 ? { status: 404, headers: {}, body: Buffer.from('') } : undefined;
    await server.startLoad('refused', params);
    await waitFor(() => reads(SECOND) === 1, { what: 'the request for the second file' });
    end();
    await settled();
    assert.equal(reads(SECOND), 2);
    assert.equal(await count(), 600);
  });

  test('goes on where its body broke off', async (t) => {
    const { change, end, params, reads, count, settled, store } = await heldStore(t, 'broken');
    const body = store.objects.get(SECOND)?.body ?? Buffer.from('');
    change.of = ({ object, nth }) =>
      object.key === SECOND && nth === 1
        ? { status: 200, headers: { etag: object.etag, 'content-length': String(body.length) }, body, breakAfter: 500 }
        : undefined;
    await server.startLoad('broken', params);
    await waitFor(() => reads(SECOND) === 2, { what: 'the request for its rest' });
    end();
    await settled();
    assert.equal(reads(SECOND), 2);
    assert.equal(await count(), 600);
  });

  describe('is let go of', () => {
    /** The second file's first bytes come, and its rest does not; resolves once its connection is closed. */
    const heldSecond = async (t: TestContext, bucket: string) => {
      const held = await heldStore(t, bucket);
      const { store, params, reads } = held;
      const rest = Promise.withResolvers<void>();
      t.after(() => rest.resolve());
      const closed = Promise.withResolvers<void>();
      store.onClose = (key) => {
        if (key === SECOND) closed.resolve();
      };
      const { onGet } = store;
      store.onGet = (answer, request) =>
        request.object.key === SECOND
          ? { ...answer, hold: { after: 100, until: rest.promise } }
          : onGet(answer, request);
      await server.startLoad(bucket, params);
      await waitFor(() => reads(SECOND) === 1, { what: 'the request for the second file' });
      return { ...held, closed: closed.promise };
    };

    test('when the load is cancelled', async (t) => {
      const { reads, settled, closed } = await heldSecond(t, 'cancelled');
      await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: 's3://cancelled' });
      await closed;
      await settled();
      assert.equal(reads(SECOND), 1);
    });

    test('when nobody has wanted it for some time: its LoaderFile was deleted', async (t) => {
      const { end, reads, settled, count, closed } = await heldSecond(t, 'deleted');
      await server.sql('delete from loaderfile where id = $1', [loaderFileId('s3://deleted', SECOND)]);
      end();
      await settled();
      await closed;
      assert.equal(reads(SECOND), 1);
      assert.equal(await count(), 400);
    });
  });
});
