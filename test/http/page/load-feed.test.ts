import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import pino from 'pino';
import { LoadFeed, type Told } from '../../../src/http/page/load-feed.ts';
import type { LoadSource } from '../../../src/http/page/load-view.ts';
import { waitFor } from '../../support/wait-for.ts';

/** A loader with one load that moves on at each reading. */
function movingLoader() {
  let reads = 0;
  let broken: Error | undefined;
  const source: LoadSource = {
    async buckets() {
      if (broken !== undefined) throw broken;
      reads++;
      return ['s3://moving', 's3://still'].map((bucket) => ({ bucket, calledAt: new Date(0) }));
    },
    async status(bucket) {
      return { state: bucket === 's3://moving' ? 'in-progress' : 'completed', progress: { total: 1 } };
    },
    async report(bucket) {
      const done = bucket === 's3://moving' ? reads : 10;
      return {
        bytes: { total: 10, done, failed: 0 },
        resources: { loaded: 0 },
        rate: { 'bytes-per-second': 1, 'resources-per-second': 2 },
        replicas: 1,
        types: [],
        files: [],
        errors: [],
        failures: [],
        indexes: [],
      };
    },
  };
  const fail = (error: Error | undefined) => {
    broken = error;
  };
  return { source, fail, reads: () => reads };
}

function feedOf(t: TestContext) {
  const loader = movingLoader();
  const feed = new LoadFeed(loader.source, pino({ level: 'silent' }));
  t.after(() => feed.close());
  return { ...loader, feed };
}

/** Lets what is being read come to its end: the loader above answers without waiting for anything. */
const read = async () => await setImmediate();

test('all watchers share one reading a second', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { feed, reads } = feedOf(t);
  const calls = [0, 0];
  for (const watcher of calls.keys()) feed.watch({ onRead: () => calls.splice(watcher, 1, (calls[watcher] ?? 0) + 1) });
  for (const seconds of [1, 2, 3]) {
    await read();
    assert.deepEqual([reads(), ...calls], [seconds, seconds, seconds]);
    t.mock.timers.tick(1_000);
  }
});

test('nobody watching means no reading', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { feed, reads } = feedOf(t);
  t.mock.timers.tick(60_000);
  await read();
  assert.equal(reads(), 0, 'nobody has come');
  const stop = feed.watch({ onRead() {} });
  await read();
  stop();
  t.mock.timers.tick(60_000);
  await read();
  assert.equal(reads(), 1, 'the last one left between two readings');
  feed.watch({ onRead() {} })();
  await read();
  t.mock.timers.tick(60_000);
  await read();
  assert.equal(reads(), 2, 'the last one left during a reading');
});

test('a watcher is told every load once, then only what changed', async (t) => {
  const { feed } = feedOf(t);
  const told: Told = { rows: new Map() };
  const updates: ReturnType<LoadFeed['updateFor']>[] = [];
  feed.watch({ onRead: () => updates.push(feed.updateFor({}, told)) });
  await waitFor(() => updates.length >= 3, { what: 'three updates' });
  assert.deepEqual(
    updates.slice(0, 3).map(({ loads }) => loads.map(({ bucket }) => bucket)),
    [['s3://moving', 's3://still'], ['s3://moving'], ['s3://moving']],
  );
  assert.deepEqual(
    updates.map(({ open }) => open),
    updates.map(() => undefined),
  );
  assert.deepEqual(Object.keys(updates[0]?.loads[0] ?? {}).includes('files'), false);
});

test('the load that a watcher has open comes in full whenever it changes', async (t) => {
  const { feed } = feedOf(t);
  const open = 's3://moving';
  const told: Told = { rows: new Map() };
  const updates: ReturnType<LoadFeed['updateFor']>[] = [];
  feed.watch({ open, onRead: () => updates.push(feed.updateFor({ open }, told)) });
  await waitFor(() => updates.length >= 3, { what: 'three updates' });
  assert.deepEqual(
    updates.slice(0, 3).map((update) => update.open?.files),
    [[], [], []],
  );
  assert.equal(feed.updateFor({ open }, told).open, undefined);
  const still = feed.updateFor({ open: 's3://still' }, { rows: new Map() });
  assert.deepEqual([still.open?.bucket, still.unknown], ['s3://still', undefined]);
  const nobody = feed.updateFor({ open: 's3://nobody' }, { rows: new Map() });
  assert.deepEqual([nobody.open, nobody.unknown], [undefined, true]);
});

test('when the database cannot be read the last figures stay, with the reason', async (t) => {
  const { feed, fail } = feedOf(t);
  const told: Told = { rows: new Map() };
  let update: ReturnType<LoadFeed['updateFor']> | undefined;
  feed.watch({
    onRead() {
      update = feed.updateFor({}, told);
    },
  });
  const { at } = await waitFor(() => update, { what: 'the first update' });
  fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
  const stale = await waitFor(() => update?.failure !== undefined && update, { what: 'failure' });
  assert.match(stale.failure ?? '', /database cannot be reached|Internal error/);
  assert.ok(stale.at >= at);
  assert.deepEqual(stale.buckets, ['s3://moving', 's3://still']);
  fail(undefined);
  await waitFor(() => update?.failure === undefined, { what: 'the end of the failure' });
});
