import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pino from 'pino';
import { LoadFeed } from '../../../src/http/page/load-feed.ts';
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
      return ['s3://moving', 's3://still'];
    },
    async status(bucket) {
      return { state: bucket === 's3://moving' ? 'in-progress' : 'completed', progress: { total: 1 } };
    },
    async report(bucket) {
      const done = bucket === 's3://moving' ? reads : 10;
      return {
        bytes: { total: 10, done },
        resources: { loaded: 0 },
        rate: { 'bytes-per-second': 1, 'resources-per-second': 2 },
        replicas: 1,
        types: [],
        files: [],
        errors: [],
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

test('all watchers share one reading a second, and nobody watching means none', async (t) => {
  const { feed, reads } = feedOf(t);
  assert.equal(reads(), 0);
  const calls = [0, 0];
  const stops = calls.map((_, watcher) =>
    feed.watch(() => {
      calls[watcher] = (calls[watcher] ?? 0) + 1;
    }),
  );
  await waitFor(() => reads() >= 3 && calls.every((count) => count >= 3), { what: 'three readings' });
  for (const stop of stops) stop();
  const before = reads();
  const clock = performance.now();
  await waitFor(() => performance.now() - clock > 1_500, { what: 'time to pass' });
  assert.equal(reads(), before);
});

test('a watcher is told everything once, then only what changed, and a later one the history', async (t) => {
  const { feed } = feedOf(t);
  const told = new Map<string, number>();
  const updates: ReturnType<LoadFeed['updateFor']>[] = [];
  feed.watch(() => updates.push(feed.updateFor(told)));
  await waitFor(() => updates.length >= 3, { what: 'three updates' });
  assert.deepEqual(
    updates.slice(0, 3).map(({ loads }) => loads.map(({ bucket }) => bucket)),
    [['s3://moving', 's3://still'], ['s3://moving'], ['s3://moving']],
  );
  assert.deepEqual(
    updates.slice(0, 3).map(({ loads }) => loads[0]?.history?.length),
    [1, undefined, undefined],
  );
  const late = feed.updateFor(new Map());
  assert.ok((late.loads[0]?.history?.length ?? 0) >= 3);
  assert.deepEqual(late.loads[0]?.history?.[0]?.slice(1), [1, 2]);
});

test('when the database cannot be read the last figures stay, with the reason', async (t) => {
  const { feed, fail } = feedOf(t);
  const told = new Map<string, number>();
  let update: ReturnType<LoadFeed['updateFor']> | undefined;
  feed.watch(() => {
    update = feed.updateFor(told);
  });
  const { at } = await waitFor(() => update, { what: 'the first update' });
  fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
  const stale = await waitFor(() => update?.trouble !== undefined && update, { what: 'trouble' });
  assert.match(stale.trouble ?? '', /database cannot be reached|Internal error/);
  assert.ok(stale.at >= at);
  assert.deepEqual(stale.buckets, ['s3://moving', 's3://still']);
  fail(undefined);
  await waitFor(() => update?.trouble === undefined, { what: 'the end of the trouble' });
});
