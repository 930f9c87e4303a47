import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { RepeatedKeys } from '../../../src/load/repeated-keys.ts';
import { dryRunAnswer } from '../../../src/rpc/dry-run-answer.ts';
import { ndjson, patients } from '../../support/ndjson.ts';
import { type ListedElements, OddS3Server } from '../../support/odd-s3-server.ts';
import { startTestServer } from '../../support/test-server.ts';

const server = await startTestServer({ after });
const KEYS = Array.from({ length: 7 }, (_, n) => `Patient-${n}.ndjson`);

/** A store that begins each page with the last key of the one before, and has a key twice in a page. */
async function repeatingStore(t: TestContext, prefix: string) {
  const store = await OddS3Server.start(t);
  store.pageSize = 3;
  for (const [n, key] of KEYS.entries()) store.put(key, ndjson(patients(2, `${prefix}-${n}`)));
  let last: ListedElements[] = [];
  store.onList = ({ contents }, query) => {
    const isFirst = !query.has('continuation-token');
    const next = contents.slice(-1);
    contents.unshift(...(isFirst ? contents.slice(0, 1) : last));
    last = next;
  };
  return store;
}

describe('a key that a store lists twice', () => {
  test('is one file to a dry run, and its lines are read once', async (t) => {
    const store = await repeatingStore(t, 'dry');
    const params = { account: store.account, 'dry-run?': true, 'check-lines?': true };
    const { status, body } = await server.startLoad('repeating', params);
    assert.equal(status, 200, JSON.stringify(body));
    const { 'dry-run': answer, 'new-files-count': newFiles } = body.result as Record<string, unknown>;
    const report = dryRunAnswer.parse(answer);
    assert.deepEqual(report.files, { new: KEYS.length });
    assert.equal(newFiles, KEYS.length);
    assert.equal(report['files-to-load'], KEYS.length);
    assert.deepEqual(
      report['first-files'].map(({ file }) => file),
      KEYS,
    );
    assert.equal(
      report.bytes,
      [...store.objects.values()].reduce((sum, { body: bytes }) => sum + bytes.length, 0),
    );
    assert.deepEqual([report.lines?.files, report.lines?.resources], [KEYS.length, 2 * KEYS.length]);
    assert.equal(report.lines?.['repeated-ids-count'], 0);
    assert.equal(store.requestsOf(KEYS[0] ?? '').length, 1);
  });

  test('counts once where it is ignored', async (t) => {
    const store = await repeatingStore(t, 'ignored');
    for (let n = 0; n < 4; n++) {
      store.put(`Patient-${n}.txt`, 'no resources');
      store.put(`User-${n}.ndjson`, ndjson([{ id: 'u' }]));
    }
    const { body } = await server.startLoad('repeating-ignored', { account: store.account, 'dry-run?': true });
    const { 'dry-run': answer, message } = body.result as Record<string, unknown>;
    const report = dryRunAnswer.parse(answer);
    assert.equal(report['ignored-files-count'], 8);
    assert.deepEqual(
      report['ignored-files'].map(({ file }) => file).sort(),
      [...store.objects.keys()].filter((key) => !KEYS.includes(key)).sort(),
    );
    assert.match(String(message), /4 files ignored for their names/);
  });

  test('whose object has changed is queued again once, and not said to be unsure', async (t) => {
    const store = await repeatingStore(t, 'again');
    const { account } = store;
    const bucket = 'repeating-changed';
    await server.load(bucket, { account, 'upsert?': true });
    for (const [n, key] of KEYS.entries()) store.put(key, ndjson([...patients(3, `again-${n}`)]));
    const params = { account, 'upsert?': true, 'reload-changed?': true };
    const { body } = await server.startLoad(bucket, params);
    const { message, 'changed-files-count': changed } = body.result as Record<string, unknown>;
    assert.equal(changed, KEYS.length);
    assert.doesNotMatch(String(message), /meanwhile/);
  });
});

test('each key once, as it was listed last; those that only share a hash stay', () => {
  const repeated = new RepeatedKeys();
  const pages = [
    [
      { key: 'a', etag: '1' },
      { key: 'b', etag: '1' },
    ],
    [
      { key: 'a', etag: '2' },
      { key: 'a', etag: '3' },
      { key: 'c', etag: '1' },
    ],
    [{ key: 'c', etag: '2' }],
  ];
  for (const page of pages) repeated.add(page.map(({ key }) => key));
  for (let pass = 0; pass < 2; pass++) {
    assert.deepEqual(
      [...repeated.once(() => pages)].flat().map(({ key, etag }) => key + etag),
      ['b1', 'a3', 'c2'],
    );
  }
});
