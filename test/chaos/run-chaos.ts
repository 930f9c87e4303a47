import { Random } from '../../demo/fhir-data/random.ts';
import { type Closing, LastFirst } from '../support/last-first.ts';
import { ChaosCluster } from './chaos-cluster.ts';
import { describeIndexes } from './chaos-tables.ts';
import { checkLeftovers } from './check-leftovers.ts';
import { checkRows } from './check-rows.ts';
import { FAULTS, type Fault, type FaultContext, roundRule } from './faults.ts';
import { insertFormer } from './nightly-files.ts';
import { planRound, type RoundPlan } from './round-plan.ts';
import { settle } from './settle.ts';
import { SnapshotObserver } from './snapshot-observer.ts';
import { checkNights } from './watched/check-nights.ts';
import type { NightlyBucket } from './watched/nightly-bucket.ts';
import { runWatchedRound } from './watched/watched-round.ts';

export interface ChaosOptions {
  seed: number;
  rounds: number;
  /** Share of the rounds in which a bucket is watched, and nobody calls; a fifth by default. */
  watched?: number;
  /** Draws only faults whose names match. */
  only?: RegExp;
  /** How long a replica is stopped, or cut off, in seconds; by default up to 4, drawn each time. */
  lasting?: number;
  /** No further round begins after this time. */
  seconds: number;
  /** Aborted: everything is closed, and the run throws. */
  signal?: AbortSignal;
  /** Told one line for each round, and each violation. */
  print: (line: string) => void;
}

export interface ChaosReport {
  seed: number;
  rounds: number;
  /** Of them, those in which a bucket was watched. */
  watchedRounds: number;
  /** Rounds in which each fault was made. */
  faults: Record<string, number>;
  /** Answers of S3 that were broken, by how. */
  s3Faults: Record<string, number>;
  files: number;
  badFiles: number;
  rows: number;
  losses: number;
  doubles: number;
  snapshots: number;
  /** Calls of load-from-bucket and -retry beyond each round's first. */
  calls: number;
  retries: number;
  violations: string[];
}

const REPLICAS = 3;
const SECOND_FAULT = 0.25;
const WATCHED_SHARE = 0.2;
const MOST_VIOLATIONS = 100;

/** Breaks things for so many rounds, and checks after each and at the end that nothing was lost, doubled or left. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const parts = new LastFirst();
  const interrupted = Promise.withResolvers<never>();
  options.signal?.addEventListener('abort', () => interrupted.reject(new Error('interrupted')), { once: true });
  try {
    return await Promise.race([runRounds(options, parts), interrupted.promise]);
  } finally {
    await parts.close();
  }
}

async function runRounds(
  { seed, rounds, watched = WATCHED_SHARE, only, lasting, seconds, print }: ChaosOptions,
  closing: Closing,
): Promise<ChaosReport> {
  const cluster = await ChaosCluster.start(closing, REPLICAS);
  const faults = FAULTS.filter(({ name }) => only?.test(name) ?? true);
  const lastingMs = lasting === undefined ? undefined : lasting * 1_000;
  const indexes = await describeIndexes(cluster.pool);
  const run = new ChaosRun(cluster, { seed, faults, lastingMs, indexes, print });
  const until = performance.now() + seconds * 1000;
  for (let round = 1; round <= rounds && performance.now() < until && run.worthwhile; round++) {
    const isWatched = new Random(seed, 'watched', round).chance(watched);
    await (isWatched ? run.watchedRound(round) : run.round(round));
  }
  return await run.end();
}

class ChaosRun {
  readonly #cluster: ChaosCluster;
  readonly #faults: readonly Fault[];
  readonly #indexes: readonly string[];
  readonly #lastingMs: number | undefined;
  readonly #print: (line: string) => void;
  readonly #plans: RoundPlan[] = [];
  readonly #nights: NightlyBucket[] = [];
  readonly #report: ChaosReport;
  #deck: Fault[] = [];

  constructor(
    cluster: ChaosCluster,
    {
      seed,
      faults,
      lastingMs,
      indexes,
      print,
    }: Pick<ChaosOptions, 'seed' | 'print'> & {
      faults: readonly Fault[];
      lastingMs: number | undefined;
      indexes: readonly string[];
    },
  ) {
    this.#cluster = cluster;
    this.#faults = faults;
    this.#indexes = indexes;
    this.#lastingMs = lastingMs;
    this.#print = print;
    const counts = { rounds: 0, watchedRounds: 0, files: 0, badFiles: 0, rows: 0, losses: 0, doubles: 0, snapshots: 0 };
    this.#report = { seed, faults: {}, s3Faults: {}, ...counts, calls: 0, retries: 0, violations: [] };
  }

  /** Whether another round could tell more. */
  get worthwhile(): boolean {
    return this.#report.violations.length < MOST_VIOLATIONS;
  }

  async round(round: number): Promise<void> {
    const random = new Random(this.#report.seed, 'chaos', round);
    const started = performance.now();
    const plan = await this.#begin(random, round);
    const faults = this.#draw(random);
    const names = faults.map(({ name }) => name).join(' + ');
    const violation = (what: string) => this.#violation(`round ${round}, ${names}: ${what}`);
    const { proxy } = this.#cluster;
    const observer = new SnapshotObserver(this.#cluster.pool, plan);
    proxy.rule = roundRule(random, faults);
    const call = (place: number) => this.#call(place, plan, violation);
    const good = plan.files.filter(({ kind }) => kind === 'good' || kind === 'large');
    const replace = async () => {
      if (good.length === 0) return;
      const { key, replacement } = random.pick(good);
      await this.#cluster.s3.putObject(plan.bucket, key, replacement);
    };
    const { bucket } = plan;
    const lastingMs = this.#lastingMs;
    const context: FaultContext = { random, cluster: this.#cluster, bucket, call, replace, lastingMs, violation };
    await Promise.all([
      ...this.#cluster.replicas.map((_, place) => call(place)),
      ...faults.map((fault) => fault.act?.(context)),
    ]);
    // Until the load is over, or interrupted, S3 stays as bad as the round has it.
    const first = await this.#whileInProgress(plan);
    proxy.rule = () => undefined;
    // What a dead replica had, and something on the way keeps, nobody but its keepalive ends.
    for (const connection of this.#cluster.postgresProxy.connections) connection.forget();
    const settled = await settle(this.#cluster, plan, () => call(random.between(0, REPLICAS - 1)));
    await observer.stop();
    if (settled.stuck !== undefined) violation(settled.stuck);
    for (const what of observer.violations) violation(what);
    for (const what of await checkLeftovers(this.#cluster.pool, this.#indexes)) violation(what);
    const rows = await checkRows(this.#cluster.pool, plan);
    for (const what of rows.violations) violation(what);
    this.#report.rounds++;
    this.#report.snapshots += observer.snapshots;
    this.#report.calls += settled.calls;
    this.#report.retries += settled.retries;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    this.#print(
      `round ${round}: ${names}; ${optionsOf(plan)}; ${plan.files.length} files, ${rows.rows} rows; first ${first}, ` +
        `then ${settled.calls} calls, ${settled.retries} retries; ${rows.losses} lost, ${rows.doubles} doubled; ${seconds} s`,
    );
  }

  /** A round in which a bucket is watched. */
  async watchedRound(round: number): Promise<void> {
    const random = new Random(this.#report.seed, 'chaos', round);
    const started = performance.now();
    const faults = this.#draw(random);
    const names = faults.map(({ name }) => name).join(' + ');
    const violation = (what: string) => this.#violation(`watched round ${round}, ${names}: ${what}`);
    const bucket = await this.#cluster.s3.createBucket(`chaos-${this.#report.seed}-${round}`);
    const lastingMs = this.#lastingMs;
    const options = { cluster: this.#cluster, random, bucket, faults, lastingMs, violation };
    const { nights, snapshots, retries, rows, versions, done, lastObjectMs } = await runWatchedRound(options);
    this.#nights.push(nights);
    for (const what of await checkLeftovers(this.#cluster.pool, this.#indexes)) violation(what);
    this.#report.rounds++;
    this.#report.watchedRounds++;
    this.#report.snapshots += snapshots;
    this.#report.retries += retries;
    this.#print(
      `watched round ${round}: ${names}; ${done} files done, ${rows} rows of ${versions} versions, ${snapshots} snapshots; ` +
        `${retries} retries; the last object after ${lastObjectMs} ms; ${((performance.now() - started) / 1000).toFixed(1)} s`,
    );
  }

  /** The last word: all rounds' rows once more, since a later round must not touch an earlier one's. */
  async end(): Promise<ChaosReport> {
    const report = this.#report;
    for (const plan of this.#plans) {
      const { rows, losses, doubles, violations } = await checkRows(this.#cluster.pool, plan);
      report.rows += rows;
      report.losses += losses;
      report.doubles += doubles;
      report.files += plan.files.length + plan.nightly.length;
      report.badFiles += plan.files.filter(({ kind }) => !['good', 'large', 'shared-ids'].includes(kind)).length;
      for (const what of violations) this.#violation(`at the end, ${plan.bucket}: ${what}`);
    }
    for (const nights of this.#nights) {
      const { violations, rows, done } = await checkNights(this.#cluster.pool, nights);
      report.files += done;
      report.rows += rows;
      for (const what of violations) this.#violation(`at the end, ${what}`);
    }
    for (const what of await checkLeftovers(this.#cluster.pool, this.#indexes)) this.#violation(`at the end: ${what}`);
    Object.assign(report.s3Faults, this.#cluster.proxy.made);
    return report;
  }

  async #begin(random: Random, round: number): Promise<RoundPlan> {
    const { s3 } = this.#cluster;
    const plan = planRound(random, await s3.createBucket(`chaos-${this.#report.seed}-${round}`));
    for (const file of plan.nightly) await insertFormer(this.#cluster.pool, file);
    for (const { key, body } of [...plan.files, ...plan.nightly]) await s3.putObject(plan.bucket, key, body);
    this.#plans.push(plan);
    return plan;
  }

  /** Every fault once, in random order, before any comes again; sometimes a second one at the same time. */
  #draw(random: Random): Fault[] {
    const faults = [this.#next(random)];
    const others = this.#faults.filter((fault) => !faults.includes(fault));
    if (random.chance(SECOND_FAULT) && others.length > 0) faults.push(random.pick(others));
    for (const { name } of faults) this.#report.faults[name] = (this.#report.faults[name] ?? 0) + 1;
    return faults;
  }

  #next(random: Random): Fault {
    if (this.#deck.length === 0) this.#deck = [...this.#faults];
    const fault = random.pick(this.#deck);
    this.#deck.splice(this.#deck.indexOf(fault), 1);
    return fault;
  }

  async #call(place: number, plan: RoundPlan, violation: (what: string) => void): Promise<void> {
    const answer = await this.#cluster.rpc(place, 'load-from-bucket', {
      ...plan.params,
      bucket: `s3://${plan.bucket}`,
      account: this.#cluster.accountOf(place),
    });
    // Unreachable replicas, databases and stores are what rounds are made of; an internal error is not.
    if (answer?.status === 500) violation(`load-from-bucket answered ${JSON.stringify(answer.body)}`);
  }

  async #whileInProgress({ bucket }: RoundPlan): Promise<string> {
    for (let turn = 0; turn < 400; turn++) {
      await this.#cluster.replaceDead();
      const answer = await this.#cluster.rpc(turn % REPLICAS, 'load-from-bucket-status', { bucket: `s3://${bucket}` });
      // No call came so far that a replica's database was there.
      if (answer?.status === 422) return 'never called';
      const state = (answer?.body.result as { state: string } | undefined)?.state;
      if (state !== undefined && state !== 'in-progress') return state;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return 'in-progress';
  }

  #violation(what: string): void {
    this.#report.violations.push(what);
    this.#print(`VIOLATION ${what}`);
  }
}

function optionsOf({ params }: RoundPlan): string {
  const on = Object.entries(params).flatMap(([name, value]) => {
    if (value === true) return [name];
    return value === 'auto' || name === 'format' || (name === 'max-errors' && value !== 0) ? [`${name} ${value}`] : [];
  });
  return on.length === 0 ? 'plain' : on.join(' ');
}
