import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import type { Fault } from './faults.ts';
import type { MatrixCluster } from './matrix-cluster.ts';
import { SCENES, type SceneFile, TYPE } from './scenes.ts';
import type { Step } from './steps.ts';
import { loadNights, wrongNights } from './upsert-nights.ts';
import { storeVersions, wrongVersions } from './version-scenes.ts';

/** Longest time, in ms, from a fault until all of the file's rows are in, or none, and nothing is left. */
const BOUND_MS = 60_000;

/** Longest wait for a load to come to the step, in ms. */
const REACH_MS = 60_000;

export interface Cell {
  step: Step;
  fault: Fault;
  /** What became of the file: all of its rows, or none since it was deleted. */
  outcome: 'all' | 'none' | 'never reached' | 'broken';
  seconds: number;
  /** What was found wrong. */
  problems: string[];
}

/** Stops a load at the step, has the fault happen, and does what a user would until the load is over. */
export async function runCell(cluster: MatrixCluster, step: Step, fault: Fault): Promise<Cell> {
  await cluster.replaceOwner();
  const { files, params, night, versions } = SCENES[step.scene];
  const indexes = await indexesOf(cluster);
  if (night) await loadNights(cluster, night);
  if (versions) await storeVersions(cluster, versions);
  const bucket = await cluster.s3.createBucket();
  for (const [key, { body }] of Object.entries(files)) await cluster.s3.putObject(bucket, key, body);
  const cell = { step, fault, seconds: 0 };
  const stop = cluster.proxy.stopAt({ matches: step.matches, holds: fault.holds });
  const called = cluster.load(bucket, params);
  try {
    const reached = await Promise.race([stop.reached, delay(REACH_MS, undefined, { ref: false })]);
    if (reached === undefined) return { ...cell, outcome: 'never reached', problems: [cluster.ownerLog.slice(-2000)] };
    await fault.act({ cluster, bucket, params, connection: reached });
    stop.release();
    const started = performance.now();
    const problems: string[] = [];
    await settled(cluster, bucket, params).catch((error: Error) => problems.push(error.message));
    await nothingLeft(cluster).catch((error: Error) => problems.push(error.message));
    const { outcome, wrong } = night
      ? await wrongNights(cluster, bucket, fault, night)
      : versions
        ? await wrongVersions(cluster, bucket, fault, versions)
        : await outcomeOf(cluster, bucket, files);
    const isLoaded = outcome === 'all' && fault.deletes !== true;
    const records = await wrongRecords(cluster, bucket, isLoaded).catch((error: Error) => [error.message]);
    problems.push(...wrong, ...records);
    if (step.scene === 'resolving' && outcome === 'all') problems.push(...(await unresolved(cluster, bucket)));
    const now = await indexesOf(cluster);
    if (now.join() !== indexes.join()) problems.push(`indexes: ${now.join()}`);
    const seconds = (performance.now() - started) / 1000;
    return { ...cell, seconds, outcome: problems.length > 0 ? 'broken' : outcome, problems };
  } finally {
    cluster.proxy.releaseAll();
    await called;
    for (const connection of cluster.proxy.connections) connection.forget();
    await cluster
      .sql(
        `truncate ${TYPE.toLowerCase()}, ${TYPE.toLowerCase()}_history; delete from practitioner where id !~ '^d';
         delete from loaderfile; delete from loadererror; delete from disabledindex`,
      )
      .catch(() => {});
  }
}

async function settled(cluster: MatrixCluster, bucket: string, params: object): Promise<void> {
  let last: unknown;
  await waitFor(
    async () => {
      const status = await cluster.state(bucket);
      last = status;
      if (status.state === 'completed') return true;
      if (status.state !== 'in-progress') await cluster.callAgain(bucket, params);
      return false;
    },
    { timeoutMs: BOUND_MS, what: 'the end of the load' },
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(last)}`);
  });
}

/** Prepared, idle in a transaction, waiting, locked or undecided. */
const LEFT = `
  select 'prepared ' || gid as what from pg_prepared_xacts
  union all select 'decision ' || file from fhir_bucket_loader.commit_decision
  union all select 'attempt ' || file from fhir_bucket_loader.data_attempt
  union all select 'idle in transaction: ' || left(query, 60) from pg_stat_activity
             where starts_with(application_name, 'fhir-bucket-loader') and state like 'idle in%'
  union all select 'active: ' || left(query, 60) from pg_stat_activity
             where starts_with(application_name, 'fhir-bucket-loader') and state = 'active' and wait_event_type = 'Lock'
  union all select 'backend ' || application_name from pg_stat_activity
             where starts_with(application_name, 'fhir-bucket-loader/')
  union all select 'lock ' || locktype || ' ' || coalesce(a.query, '') from pg_locks l left join pg_stat_activity a using (pid)
             where locktype = 'advisory'`;

async function nothingLeft(cluster: MatrixCluster): Promise<void> {
  let left: string[] = [];
  const isClean = async () => {
    left = (await cluster.sql<{ what: string }>(LEFT)).map(({ what }) => what);
    return left.length === 0;
  };
  await waitFor(isClean, { timeoutMs: BOUND_MS, what: 'nothing left' }).catch(() => {
    throw new Error(`left: ${left.join('; ')}`);
  });
}

async function outcomeOf(
  cluster: MatrixCluster,
  bucket: string,
  files: Readonly<Record<string, SceneFile>>,
): Promise<{ outcome: 'all' | 'none'; wrong: string[] }> {
  const ends = [];
  for (const [key, file] of Object.entries(files)) ends.push(await outcomeOfFile(cluster, bucket, key, file));
  return {
    outcome: ends.every(({ isAll }) => isAll) ? 'all' : 'none',
    wrong: ends.flatMap(({ wrong }) => wrong),
  };
}

/** @returns whether what should be in the table of the file is */
async function outcomeOfFile(
  cluster: MatrixCluster,
  bucket: string,
  key: string,
  { rows, ids, fails, errors = 0 }: SceneFile,
): Promise<{ isAll: boolean; wrong: string[] }> {
  const [table] = await cluster.sql<{ rows: number; ids: number; txids: number }>(
    `select count(*)::int as rows, count(distinct id)::int as ids, count(distinct txid)::int as txids
       from (select id, txid from ${TYPE} union all select id, txid from practitioner) r
      where id ~ concat('^', $1::text, '[0-9]+$')`,
    [ids],
  );
  const [file] = await cluster.sql<{ status: string; loaded: number; message: string | null }>(
    `select resource ->> 'status' as status, (resource ->> 'loaded')::int as loaded, resource ->> 'message' as message
       from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'file' = $2`,
    [`s3://${bucket}`, key],
  );
  const found = table ?? { rows: 0, ids: 0, txids: 0 };
  const wrong: string[] = [];
  const told = `${key}: LoaderFile ${file?.status}, loaded ${file?.loaded}, ${found.rows} rows: ${file?.message ?? ''}`;
  if (fails) {
    const isRight = found.rows === 0 && (file === undefined || file.status === 'error');
    return { isAll: isRight, wrong: isRight ? [] : [told] };
  }
  const isAll = found.rows === rows && found.ids === rows && found.txids === 1;
  if (!isAll && found.rows !== 0)
    wrong.push(`${key}: ${found.rows} rows, ${found.ids} ids, ${found.txids} transactions of ${rows}`);
  // A file that was deleted may be in, or not: it is for the client to load it again.
  if (file !== undefined && (!isAll || file.status !== 'done' || file.loaded !== rows)) {
    const isHonest = file.status === 'error' && isAll && /already exists/.test(file.message ?? '');
    if (!isHonest) wrong.push(told);
  }
  const [kept] = await cluster.sql<{ errors: number }>(
    `select count(*)::int as errors from loadererror where resource ->> 'bucket' = $1 and resource ->> 'file' = $2`,
    [`s3://${bucket}`, key],
  );
  if (file?.status === 'done' && kept?.errors !== errors)
    wrong.push(`${key}: ${kept?.errors} LoaderErrors of ${errors}`);
  return { isAll, wrong };
}

/** What is wrong with references that mean the practitioner whose number is the row's, modulo 7. */
async function unresolved(cluster: MatrixCluster, bucket: string): Promise<string[]> {
  const rows = await cluster.sql<{ id: string; subject: string }>(
    `select id, resource ->> 'subject' as subject from ${TYPE}
      where resource #>> '{subject,id}' is distinct from 'd' || (substring(id from 2)::int % 7)`,
  );
  const counts = await cluster.sql<{ references: string }>(
    `select resource ->> 'references' as references from loaderfile where resource ->> 'bucket' = $1
        and resource #>> '{references,resolved}' is distinct from '50'`,
    [`s3://${bucket}`],
  );
  return [
    ...rows.slice(0, 3).map(({ id, subject }) => `${id} refers to ${subject}`),
    ...counts.map(({ references }) => `references: ${references}`),
  ];
}

/** The runs of the bucket have all ended, and together have each file as loaded once. */
async function wrongRecords(cluster: MatrixCluster, bucket: string, isLoaded: boolean): Promise<string[]> {
  // A replica that lost its connection as it was to end its run comes back to do that.
  const runs = await waitFor(
    async () => {
      const all = await cluster.runs(bucket);
      return all.every(({ state }) => state !== 'in-progress') && all;
    },
    { timeoutMs: BOUND_MS, what: 'the end of all runs' },
  );
  const [loaded] = await cluster.sql<{ files: number }>(
    `select count(*)::int as files from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`,
    [`s3://${bucket}`],
  );
  const isRight =
    runs.length > 0 &&
    (!isLoaded ||
      (runs[0]?.state === 'completed' && runs.reduce((sum, { files }) => sum + files.done, 0) === loaded?.files));
  return isRight ? [] : [`runs: ${JSON.stringify(runs.map(({ run, state, files }) => ({ run, state, files })))}`];
}

async function indexesOf(cluster: MatrixCluster): Promise<string[]> {
  const rows = await cluster.sql<{ name: string }>(
    `select indexrelid::regclass::text || indisvalid as name from pg_index
      where indrelid in ('${TYPE.toLowerCase()}'::regclass, 'practitioner'::regclass) order by 1`,
  );
  return rows.map(({ name }) => name);
}
