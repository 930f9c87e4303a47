import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../../demo/fhir-data/random.ts';
import type { LoadStatus } from '../../support/test-server.ts';
import type { ChaosCluster } from '../chaos-cluster.ts';
import { type Fault, roundRule } from '../faults.ts';
import { checkNights, insertBase } from './check-nights.ts';
import { NightlyBucket, type ObjectVersion } from './nightly-bucket.ts';

export interface WatchedRoundOptions {
  cluster: ChaosCluster;
  random: Random;
  bucket: string;
  faults: readonly Fault[];
  /** As of a fault's context. */
  lastingMs: number | undefined;
  /** Told of anything that must not be. */
  violation: (what: string) => void;
}

export interface WatchedRound {
  nights: NightlyBucket;
  snapshots: number;
  retries: number;
  rows: number;
  versions: number;
  done: number;
  /** From when the last object was put there until it was loaded, in ms: there were no faults any more. */
  lastObjectMs: number;
}

type Status = LoadStatus & { watch?: { failures?: number; message?: string } };

const PACE = '1s';
const PARAMS = {
  'upsert?': true,
  'history?': true,
  'apply-deletions?': true,
  'reload-changed?': true,
  // Without one a file waits for ever for a store that never answers.
  'read-timeout': 2_000,
  'connect-timeout': 5_000,
};
const SNAPSHOT_EVERY_MS = 150;
/** Objects that come or change while the faults last. */
const PUTS = { from: 5, to: 9 };
const PUT_AFTER_MS = { from: 50, to: 900 };
const SETTLE_MS = 120_000;
/** One pace, and what a listing, a claim and a load take where all cores are busy, in ms. */
const LAST_OBJECT_MS = 20_000;

/**
 * One night after the other in a bucket that is watched by three replicas, while something breaks: nobody calls but for
 * the watch itself, and again after a cancel, which ends it.
 */
export async function runWatchedRound(options: WatchedRoundOptions): Promise<WatchedRound> {
  const { cluster, random, bucket, faults, lastingMs, violation } = options;
  const nights = new NightlyBucket(random, bucket);
  await insertBase(cluster.pool, nights);
  const put = ({ key, body }: ObjectVersion) => cluster.s3.putObject(bucket, key, body);
  for (let file = 0; file < nights.files; file += 2) await put(nights.nextFile(file));
  await startWatch(cluster, random.between(0, cluster.replicas.length - 1), bucket);
  const observer = new NightsObserver(cluster, nights);
  cluster.proxy.rule = roundRule(random, faults);
  const replace = () => put(nights.nextFile(random.between(0, nights.files - 1)));
  const call = async () => {};
  await Promise.all([
    putNights(nights, random, put),
    ...faults.map((fault) => fault.act?.({ random, cluster, bucket, call, replace, lastingMs, violation })),
  ]);
  cluster.proxy.rule = () => undefined;
  for (const connection of cluster.postgresProxy.connections) connection.forget();
  const retries = await settle(cluster, nights, violation);
  const lastObjectMs = await loadLastObject(cluster, nights, { put, violation });
  await observer.stop();
  for (const what of observer.violations) violation(`a snapshot shows ${what}`);
  const check = await checkNights(cluster.pool, nights);
  for (const what of check.violations) violation(`in the end ${what}`);
  await cluster.anyReplica('fhir-bucket-loader/unwatch', { bucket: `s3://${bucket}` });
  return { nights, snapshots: observer.snapshots, retries, lastObjectMs, ...check };
}

async function startWatch(cluster: ChaosCluster, place: number, bucket: string): Promise<void> {
  await cluster.rpc(place, 'fhir-bucket-loader/watch', {
    ...PARAMS,
    bucket: `s3://${bucket}`,
    every: PACE,
    'thread-num': 3,
  });
}

/** Files come, are replaced, and what is gone is listed. */
async function putNights(
  nights: NightlyBucket,
  random: Random,
  put: (version: ObjectVersion) => Promise<void>,
): Promise<void> {
  const lists = Array.from({ length: nights.lists }, (_, list) => list);
  for (let n = random.between(PUTS.from, PUTS.to); n > 0; n--) {
    await delay(random.between(PUT_AFTER_MS.from, PUT_AFTER_MS.to));
    const list = random.chance(0.35) ? lists.shift() : undefined;
    await put(list === undefined ? nights.nextFile(random.between(0, nights.files - 1)) : nights.list(list));
  }
  for (const list of lists) await put(nights.list(list));
}

/** Waits until the last version of each object is loaded. Nobody calls, but failed files are retried, as a user would. @returns retries */
async function settle(
  cluster: ChaosCluster,
  nights: NightlyBucket,
  violation: (what: string) => void,
): Promise<number> {
  const deadline = performance.now() + SETTLE_MS;
  const bucket = `s3://${nights.bucket}`;
  let retries = 0;
  let last = 'nothing was heard';
  for (let turn = 0; performance.now() < deadline; turn++) {
    await delay(200);
    await cluster.replaceDead();
    const place = turn % cluster.replicas.length;
    const answer = await cluster.rpc(place, 'load-from-bucket-status', { bucket });
    last = JSON.stringify(answer?.body ?? 'no answer');
    const status = answer?.body.result as Status | undefined;
    // Nobody was called yet, or a fault has cancelled it.
    if (answer?.status === 422 || (status !== undefined && status.watch === undefined)) {
      await startWatch(cluster, place, nights.bucket);
      continue;
    }
    if (status?.state !== 'completed') continue;
    if ((status.progress['error'] ?? 0) > 0) {
      retries++;
      await cluster.rpc(place, 'load-from-bucket-retry', { bucket });
    }
    if (await isAllLoaded(cluster, nights)) return retries;
  }
  violation(`not settled after ${SETTLE_MS / 1000} s: ${last}`);
  return retries;
}

async function isAllLoaded({ pool }: ChaosCluster, { bucket, current }: NightlyBucket): Promise<boolean> {
  const { rows } = await pool.query<{ file: string; etag: string }>(
    `select resource ->> 'file' as file, resource ->> 'etag' as etag from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`,
    [`s3://${bucket}`],
  );
  const loaded = new Map(rows.map(({ file, etag }) => [file, etag.replaceAll('"', '')]));
  return [...current].every(([key, md5]) => loaded.get(key) === md5);
}

/** Once the faults are over the watch goes on: one more object is loaded within a pace, by a listing of one replica. @returns how long it took, in ms */
async function loadLastObject(
  cluster: ChaosCluster,
  nights: NightlyBucket,
  { put, violation }: { put: (version: ObjectVersion) => Promise<void>; violation: (what: string) => void },
): Promise<number> {
  const before = await listingsOf(cluster, nights.bucket);
  await put(nights.nextFile(0));
  const putAt = performance.now();
  while (performance.now() < putAt + LAST_OBJECT_MS && !(await isAllLoaded(cluster, nights))) await delay(50);
  const ms = performance.now() - putAt;
  if (ms >= LAST_OBJECT_MS) violation(`the watch did not load a new object within ${LAST_OBJECT_MS / 1000} s`);
  // The listing that found it is counted once its load has begun.
  let after = before;
  while (performance.now() < putAt + LAST_OBJECT_MS && after.join() === before.join()) {
    after = await listingsOf(cluster, nights.bucket);
  }
  const listing = after.filter((count, place) => count !== before[place]).length;
  if (listing !== 1) {
    violation(`${listing} replicas listed the bucket, not one: ${before.join()}, then ${after.join()}`);
  }
  return Math.round(ms);
}

/** Listings of a bucket that each replica has made. */
async function listingsOf(cluster: ChaosCluster, bucket: string): Promise<number[]> {
  return await Promise.all(
    cluster.replicas.map(async ({ url }) => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      const counts = metrics.matchAll(
        /^fhir_loader_watch_listings_total\{bucket="s3:\/\/([^"]*)",outcome="\w+"\} (\d+)/gm,
      );
      return [...counts].reduce((sum, [, name, count]) => sum + (name === bucket ? Number(count) : 0), 0);
    }),
  );
}

/** Compares one snapshot after the other. */
class NightsObserver {
  snapshots = 0;
  readonly violations = new Set<string>();

  readonly #cluster: ChaosCluster;
  readonly #nights: NightlyBucket;
  readonly #ended: Promise<void>;
  #isWatching = true;

  constructor(cluster: ChaosCluster, nights: NightlyBucket) {
    this.#cluster = cluster;
    this.#nights = nights;
    this.#ended = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isWatching = false;
    await this.#ended;
  }

  async #watch(): Promise<void> {
    while (this.#isWatching) {
      // Postgres may be down, as a round may have it.
      const check = await checkNights(this.#cluster.pool, this.#nights).catch(() => undefined);
      if (check !== undefined) this.snapshots++;
      for (const what of check?.violations ?? []) this.violations.add(what);
      await delay(SNAPSHOT_EVERY_MS);
    }
  }
}
