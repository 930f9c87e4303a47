import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

const IDS = 10_000;
/** Has no factor in common with IDS: another order of the ids, from another one on, for each file. */
const STEPS = [1, 7_919, 12_347, 19_999];

/** Files with the same ids in different orders, one version of each resource in each of them. */
const versions = (prefix: string, steps = STEPS) =>
  Object.fromEntries(
    steps.map((step, file) => [
      `${file}/Basic.ndjson.gz`,
      Array.from({ length: IDS }, (_, n) => ({
        resourceType: 'Basic',
        id: `${prefix}-${(n * step + file * 2_500) % IDS}`,
        meta: { lastUpdated: `2026-01-0${file + 1}T00:00:00Z` },
        language: `v${file}`,
      })),
    ]),
  );

const deadlocks = async () =>
  (
    await server.sql<{ n: number }>(
      'select deadlocks::int as n from pg_stat_database where datname = current_database()',
    )
  )[0]?.n;

describe('files of one load that hold the same resources wait for each other, in whatever order their lines are', () => {
  for (const [prefix, params] of [
    ['plain', { 'upsert?': true }],
    ['history', { 'upsert?': true, 'history?': true }],
    ['newest', { 'upsert?': true, 'newest-wins?': true, 'keep-last-updated?': true, 'history?': true }],
  ] as const)
    test(Object.keys(params).join(' '), async () => {
      const bucket = await server.bucketOf(versions(prefix));
      const status = await server.load(bucket, { 'thread-num': STEPS.length, ...params });
      assert.deepEqual(status.progress, { total: STEPS.length, done: STEPS.length });
      assert.equal(await deadlocks(), 0);
      const rows = await server.sql<{ rows: number; newest: number }>(
        `select count(*)::int as rows, count(*) filter (where resource ->> 'language' = 'v3')::int as newest
           from basic where starts_with(id, $1)`,
        [`${prefix}-`],
      );
      assert.equal(rows[0]?.rows, IDS);
      if (prefix === 'newest') assert.equal(rows[0]?.newest, IDS);
    });
});

describe('files of resources of which half are stored before, more than are loaded at once', () => {
  const MORE_STEPS = [...STEPS, 3, 9_973, 6_151, 2_711];
  for (const [prefix, params] of [
    ['plain', { 'upsert?': true }],
    ['history', { 'upsert?': true, 'history?': true }],
    ['newest', { 'upsert?': true, 'newest-wins?': true, 'keep-last-updated?': true, 'history?': true }],
    ['lenient', { 'upsert?': true, 'max-errors': 1 }],
  ] as const)
    test(`never wait for each other in a circle (${Object.keys(params).join(' ')})`, async () => {
      const all = versions(`half-${prefix}`, MORE_STEPS);
      const half = (all['0/Basic.ndjson.gz'] ?? []).filter((_, n) => n % 2 === 1);
      await server.load(await server.bucketOf({ 'Basic.ndjson.gz': half }), params);
      const before = await deadlocks();
      const bucket = await server.bucketOf(all);
      const status = await server.load(bucket, { 'thread-num': 4, ...params });
      assert.deepEqual(status.progress, { total: MORE_STEPS.length, done: MORE_STEPS.length });
      assert.equal(await deadlocks(), before);
    });
});
