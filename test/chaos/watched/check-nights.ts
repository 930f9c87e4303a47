import type pg from 'pg';
import { tableName } from '../../../src/store/resource-tables.ts';
import { BASE, CONTENT, type NightlyBucket, type ObjectVersion } from './nightly-bucket.ts';
import { type Rebuilt, rebuild } from './rebuild.ts';

interface LoggedFile {
  file: string;
  status: string;
  etag: string;
  previous?: { etag?: string };
  [count: string]: unknown;
}

interface StoredVersion {
  id: string;
  txid: number;
  version: string;
  ts: string;
  isHistory: boolean;
}

interface Snapshot {
  log: { what: 'queued' | 'done'; resource: LoggedFile }[] | null;
  files: LoggedFile[] | null;
  versions: StoredVersion[] | null;
}

/** What one snapshot of the database shows of a bucket. */
export interface NightsCheck {
  violations: string[];
  rows: number;
  versions: number;
  /** Files done, each version of an object once. */
  done: number;
}

const MOST_SHOWN = 5;

/** Puts the rows into the table that are there before the round. */
export async function insertBase(pool: pg.Pool, { type, base }: NightlyBucket): Promise<void> {
  await pool.query(
    `insert into ${tableName(type)} (id, txid, resource_type, status, resource)
     select id, nextval('transaction_id_seq'), $1, 'created', $3::jsonb from unnest($2::text[]) id`,
    [type, base, JSON.stringify({ origin: { content: BASE } })],
  );
}

/** Compares rows, history and LoaderFiles of one snapshot with what the files that were done make of them, in their order. */
export async function checkNights(pool: pg.Pool, nights: NightlyBucket): Promise<NightsCheck> {
  const { log, files, versions } = await readSnapshot(pool, nights);
  const check: NightsCheck = { violations: [], rows: 0, versions: versions?.length ?? 0, done: 0 };
  const wrong = (what: string) => check.violations.push(`${nights.bucket}: ${what}`);
  for (const what of twice((log ?? []).map(({ what, resource }) => `${resource.file} ${resource.etag} ${what}`)))
    wrong(`${what} twice`);
  const done = (log ?? []).filter(({ what }) => what === 'done').map(({ resource }) => resource);
  const objects = done.map(({ etag }) => nights.versions.get(md5Of(etag)));
  const known = objects.filter((each): each is ObjectVersion => each !== undefined);
  if (known.length < objects.length) wrong('a version was loaded that nobody has put there');
  check.done = known.length;
  const rebuilt = rebuild(nights, known);
  checkCounts(done, rebuilt, wrong);
  checkFiles(files ?? [], done, wrong);
  check.rows = checkVersions(versions ?? [], rebuilt, wrong);
  return check;
}

/** One statement sees one snapshot. */
async function readSnapshot(pool: pg.Pool, { bucket, type, prefix }: NightlyBucket): Promise<Snapshot> {
  const table = tableName(type);
  const versionsIn = (name: string, isHistory: boolean) =>
    `select id, txid, status || ' ' || (resource #>> '${CONTENT}') as version, ts, ${isHistory} as "isHistory"
       from ${name} where starts_with(id, $2)`;
  const { rows } = await pool.query<Snapshot>(
    `select (select json_agg(json_build_object('what', what, 'resource', resource) order by n)
               from chaos_log where resource ->> 'bucket' = $1) as log,
            (select json_agg(resource) from loaderfile where resource ->> 'bucket' = $1) as files,
            (select json_agg(v order by v.id, v.txid, v."isHistory" desc)
               from (${versionsIn(table, false)} union all ${versionsIn(`${table}_history`, true)}) v) as versions`,
    [`s3://${bucket}`, prefix],
  );
  const [snapshot] = rows;
  if (snapshot === undefined) throw new Error('a select without a row');
  return snapshot;
}

function checkCounts(done: readonly LoggedFile[], { counts }: Rebuilt, wrong: (what: string) => void): void {
  for (const [n, expected] of counts.entries()) {
    const found = done[n];
    for (const [name, value] of Object.entries(expected)) {
      if (found?.[name] !== value) wrong(`${found?.file}: ${name} is ${String(found?.[name])}, not ${value}`);
    }
  }
}

/** The rows of a file's last version are there, and are those of its LoaderFile, or, until that is done, of its `previous`. */
function checkFiles(files: readonly LoggedFile[], done: readonly LoggedFile[], wrong: (what: string) => void): void {
  const last = new Map(done.map(({ file, etag }) => [file, etag]));
  for (const { file, status, etag, previous } of files) {
    const says = status === 'done' ? etag : previous?.etag;
    if (says !== last.get(file)) wrong(`${file} is ${status} and says ${says}; loaded was ${last.get(file)}`);
  }
}

/** @returns rows in the table */
function checkVersions(
  versions: readonly StoredVersion[],
  { rows, history }: Rebuilt,
  wrong: (what: string) => void,
): number {
  const found = Map.groupBy(versions, ({ id }) => id);
  const differing: string[] = [];
  for (const id of new Set([...found.keys(), ...rows.keys(), ...history.keys()])) {
    const stored = found.get(id) ?? [];
    const row = rows.get(id);
    const expected = [...(history.get(id) ?? []), ...(row === undefined ? [] : [`${row} (row)`])];
    const actual = stored.map(({ version, isHistory }) => (isHistory ? version : `${version} (row)`));
    if (actual.join() !== expected.join()) differing.push(`${id} has [${actual.join()}], not [${expected.join()}]`);
    if (stored.some(({ txid }, n) => n > 0 && txid <= (stored[n - 1]?.txid ?? 0)))
      differing.push(`${id}: txids ${stored.map(({ txid }) => txid).join()}`);
    if (stored.some(({ ts }, n) => n > 0 && Date.parse(ts) < Date.parse(stored[n - 1]?.ts ?? '')))
      differing.push(`${id}: times ${stored.map(({ ts }) => ts).join()}`);
  }
  if (differing.length > 0) wrong(`${differing.length} resources: ${differing.slice(0, MOST_SHOWN).join('; ')}`);
  return versions.filter(({ isHistory }) => !isHistory).length;
}

function md5Of(etag: string): string {
  return etag.replaceAll('"', '');
}

function twice(texts: readonly string[]): string[] {
  return texts.filter((text, at) => texts.indexOf(text) < at);
}
