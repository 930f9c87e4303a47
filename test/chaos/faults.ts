import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../demo/fhir-data/random.ts';
import { tableName } from '../../src/store/resource-tables.ts';
import type { ProxiedConnection } from '../support/postgres-proxy/proxied-connection.ts';
import type { FaultRule, S3Fault } from '../support/s3-fault.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { CHAOS_TYPES } from './round-plan.ts';

export interface FaultContext {
  random: Random;
  cluster: ChaosCluster;
  bucket: string;
  /** Does on a replica what a user does who sees that it was restarted. */
  call: (place: number) => Promise<void>;
  /** Puts another version into the place of some object. */
  replace: () => Promise<void>;
  /** How long what stops stays so, in ms; drawn where it is undefined. */
  lastingMs: number | undefined;
  /** Told of anything that must not be. */
  violation: (what: string) => void;
}

/** One kind of fault: what it does to S3 answers while the round lasts, and what it does once, in mid-load. */
export interface Fault {
  name: string;
  rule?: (random: Random) => FaultRule;
  act?: (context: FaultContext) => Promise<void>;
}

/** So slowly that faults meet files half-way: about 60 kB/s. */
const SLOWLY: S3Fault = { kind: 'trickle', chunkBytes: 1_024, everyMs: 15 };

const LESS_SLOWLY: S3Fault = { kind: 'trickle', chunkBytes: 65_536, everyMs: 20 };

/** The rule of a round: reads of objects meet these faults, or are slow. */
export function roundRule(random: Random, faults: readonly Fault[]): FaultRule {
  const rules = faults.flatMap((fault) => fault.rule?.(random) ?? []);
  return (seen) => {
    if (seen.method !== 'GET' || seen.key === '') return undefined;
    for (const rule of rules) {
      const fault = rule(seen);
      if (fault !== undefined) return fault;
    }
    return seen.key.endsWith('.gz') ? SLOWLY : LESS_SLOWLY;
  };
}

const onSome =
  (share: number, make: (random: Random) => S3Fault) =>
  (random: Random): FaultRule =>
  () =>
    random.chance(share) ? make(random) : undefined;

const place = (random: Random) => random.between(0, 30_000);
const soon = (random: Random) => delay(random.between(30, 1_200));

/** Connections to Postgres, by what they are for. */
const ROLES: readonly { role: string; plays: (connection: ProxiedConnection) => boolean }[] = [
  {
    role: 'holder',
    plays: ({ statements }) => /^copy |^COPY DONE|commit_decision|savepoint/.test(statements.at(-1) ?? ''),
  },
  { role: 'partition', plays: ({ applicationName }) => applicationName.startsWith('fhir-bucket-loader/') },
  { role: 'session', plays: ({ statements }) => statements.some((sent) => sent.startsWith('listen ')) },
  { role: 'pool', plays: () => true },
];

/** Every fault that a round may draw. */
export const FAULTS: readonly Fault[] = [
  { name: 'none' },
  { name: 's3-reset', rule: onSome(0.6, (random) => ({ kind: 'reset', afterBytes: place(random) })) },
  { name: 's3-stall', rule: onSome(0.2, (random) => ({ kind: 'stall', afterBytes: place(random) })) },
  { name: 's3-end-early', rule: onSome(0.6, (random) => ({ kind: 'end-early', afterBytes: place(random) })) },
  { name: 's3-truncate', rule: onSome(0.6, (random) => ({ kind: 'truncate', afterBytes: place(random) })) },
  { name: 's3-no-answer', rule: onSome(0.15, () => ({ kind: 'no-answer' })) },
  {
    name: 's3-burst',
    rule: onSome(0.5, (random) =>
      random.chance(0.5)
        ? { kind: 'error', status: 503, code: 'SlowDown' }
        : { kind: 'error', status: 500, code: 'InternalError' },
    ),
  },
  { name: 's3-ignores-range', rule: ignoreRange },
  { name: 's3-outage', act: s3Outage },
  { name: 's3-denied', act: (context) => refuseBucket(context, { kind: 'error', status: 403, code: 'AccessDenied' }) },
  { name: 's3-gone', act: (context) => refuseBucket(context, { kind: 'error', status: 404, code: 'NoSuchBucket' }) },
  { name: 's3-replaced', act: replaceObjects },
  { name: 'kill-one', act: (context) => killReplicas(context, 1) },
  { name: 'kill-two', act: (context) => killReplicas(context, 2) },
  { name: 'kill-all', act: (context) => killReplicas(context, 3) },
  { name: 'sigterm', act: terminateReplica },
  { name: 'freeze', act: freezeReplica },
  { name: 'silent-postgres', act: (context) => silence(context, 'postgres') },
  { name: 'silent-s3', act: (context) => silence(context, 's3') },
  { name: 'postgres-immediate', act: restartPostgres },
  { name: 'postgres-kill', act: killPostgres },
  { name: 'terminate-backends', act: terminateBackends },
  ...ROLES.map(({ role, plays }) => ({ name: `cut-${role}`, act: (context: FaultContext) => cut(context, plays) })),
  { name: 'lock-storm', act: lockStorm },
  { name: 'cancel', act: cancelLoad },
];

function ignoreRange(random: Random): FaultRule {
  return ({ range }) => {
    if (range !== undefined) return { kind: 'ignore-range' };
    return random.chance(0.6) ? { kind: 'reset', afterBytes: place(random) } : undefined;
  };
}

async function s3Outage({ random, cluster }: FaultContext): Promise<void> {
  await soon(random);
  await cluster.proxy.refuse();
  await delay(random.between(200, 2_000));
  await cluster.proxy.listen();
}

/** The bucket is forbidden, or gone, for a while, to listings as well. */
async function refuseBucket({ random, cluster, bucket }: FaultContext, fault: S3Fault): Promise<void> {
  await soon(random);
  const { rule } = cluster.proxy;
  // Two faults may do that at once.
  let isRefused = true;
  cluster.proxy.rule = (seen) => (isRefused && seen.bucket === bucket ? fault : rule(seen));
  await delay(random.between(500, 4_000));
  isRefused = false;
}

async function replaceObjects({ random, replace }: FaultContext): Promise<void> {
  for (let n = 0; n < 3; n++) {
    await soon(random);
    await replace();
  }
}

async function killReplicas({ random, cluster, call }: FaultContext, count: number): Promise<void> {
  await soon(random);
  const first = random.between(0, cluster.replicas.length - 1);
  const places = Array.from({ length: count }, (_, n) => (first + n) % cluster.replicas.length);
  await Promise.all(places.map((place) => cluster.replicas[place]?.kill()));
  for (const place of places) {
    await cluster.replace(place);
    if (random.chance(0.5)) await call(place);
  }
}

async function terminateReplica({ random, cluster, call, violation }: FaultContext): Promise<void> {
  await soon(random);
  const place = random.between(0, cluster.replicas.length - 1);
  const replica = cluster.replicas[place];
  const ended = await replica?.terminate();
  // Another fault of the round may kill it while it shuts down.
  const isFine = ended?.code === 0 || replica?.wasKilled === true;
  if (!isFine) violation(`a replica ended with ${ended?.code ?? ended?.signal} after SIGTERM`);
  await cluster.replace(place);
  if (random.chance(0.5)) await call(place);
}

/** Stops a replica where it is, with its locks and connections, and has it go on later, as often as not after its backends were ended. */
async function freezeReplica(context: FaultContext): Promise<void> {
  const { random, cluster } = context;
  for (let n = stops(context); n > 0; n--) {
    await soon(random);
    const replica = random.pick(cluster.replicas);
    replica.freeze();
    await delay(lastingOf(context));
    if (random.chance(0.5)) await endIdleBackends(cluster);
    replica.thaw();
  }
}

/** Nothing of one replica reaches Postgres, or the store, nor the other way round, and no connection ends. */
async function silence(context: FaultContext, what: 'postgres' | 's3'): Promise<void> {
  const { random, cluster } = context;
  for (let n = stops(context); n > 0; n--) {
    await soon(random);
    const link = random.pick(cluster.links)[what];
    link.silence();
    await delay(lastingOf(context));
    if (what === 'postgres' && random.chance(0.5)) await endIdleBackends(cluster);
    link.restore();
  }
}

function stops({ random, lastingMs }: FaultContext): number {
  return lastingMs === undefined ? random.between(1, 3) : 1;
}

function lastingOf({ random, lastingMs }: FaultContext): number {
  return lastingMs ?? random.between(500, 4_000);
}

/** As somebody does who looks for what the others wait for. */
async function endIdleBackends({ pool }: ChaosCluster): Promise<void> {
  const ended = pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where starts_with(application_name, 'fhir-bucket-loader') and state like 'idle%' and state_change < clock_timestamp() - interval '0.4 s'`,
  );
  // Another fault of the round may have Postgres down.
  await ended.catch(() => {});
}

async function restartPostgres({ random, cluster }: FaultContext): Promise<void> {
  await soon(random);
  await cluster.postgres.restart({ mode: 'immediate' });
}

async function killPostgres({ random, cluster }: FaultContext): Promise<void> {
  await soon(random);
  await cluster.postgres.kill();
  await delay(random.between(0, 1_000));
  await cluster.postgres.restart({ mode: 'fast' });
}

async function terminateBackends({ random, cluster }: FaultContext): Promise<void> {
  for (let n = random.between(2, 6); n > 0; n--) {
    await delay(random.between(50, 500));
    const most = random.chance(0.2) ? 1_000 : 1;
    const ended = cluster.pool.query(
      `select pg_terminate_backend(pid) from (
         select pid from pg_stat_activity where starts_with(application_name, 'fhir-bucket-loader') order by random() limit $1) b`,
      [most],
    );
    // Another fault of the round may have Postgres down.
    await ended.catch(() => {});
  }
}

/** Connections of one role are lost, a few times: to both sides, or to one of them, the other one kept in silence. */
async function cut(
  { random, cluster }: FaultContext,
  plays: (connection: ProxiedConnection) => boolean,
): Promise<void> {
  for (let n = random.between(2, 5); n > 0; n--) {
    await delay(random.between(50, 500));
    const found = [...cluster.postgresProxy.connections].filter(plays);
    if (found.length === 0) continue;
    const connection = random.pick(found);
    const way = random.between(0, 2);
    if (way === 0) connection.cut();
    else if (way === 1) connection.cutClient();
    else connection.cutServer();
  }
}

async function lockStorm({ random, cluster }: FaultContext): Promise<void> {
  const until = performance.now() + random.between(1_000, 3_000);
  const storm = async () => {
    const client = await cluster.pool.connect();
    try {
      await client.query(`set lock_timeout = '3s'`);
      while (performance.now() < until) {
        const mode = random.pick(['access exclusive', 'exclusive', 'share', 'access share']);
        const table = random.pick([...CHAOS_TYPES.map(tableName), 'disabledindex']);
        await client.query(`begin; lock table ${table} in ${mode} mode`).catch(() => {});
        await delay(random.between(20, 400));
        await client.query('rollback');
      }
    } finally {
      // Also takes the setting away.
      client.release(true);
    }
  };
  // With a fault in Postgres at the same time, the storm ends with its connection.
  await Promise.allSettled([storm(), storm()]);
}

async function cancelLoad({ random, cluster, bucket }: FaultContext): Promise<void> {
  await soon(random);
  const place = random.between(0, cluster.replicas.length - 1);
  await cluster.rpc(place, 'load-from-bucket-cancel', { bucket: `s3://${bucket}` });
}
