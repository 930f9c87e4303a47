import { capText } from '../../src/errors/cap-text.ts';
import { ndjson } from '../support/ndjson.ts';
import type { Fault } from './faults.ts';
import type { MatrixCluster } from './matrix-cluster.ts';

/** Versions of a resource, the earliest first: status and note; the one that is in the table ends with `(row)`. */
type Versions = readonly string[];

/** A file that adds versions to resources. Its ids are its own. */
interface VersionFile {
  body: string;
  /** By id, before and after it is loaded. */
  before: ReadonlyMap<string, Versions>;
  after: ReadonlyMap<string, Versions>;
  /** What its LoaderFile counts, and what it counts where the same file is loaded once more; undefined where that must fail. */
  counts: Readonly<Record<string, number>>;
  again: Readonly<Record<string, number>> | undefined;
}

/** Files that add versions, and how they are loaded. */
export interface VersionScene {
  params: object;
  /** By key. */
  files: Readonly<Record<string, VersionFile>>;
}

const STORED: Versions = ['created old (row)'];
const GONE: Versions = ['created old', 'deleted old'];

function numbered(name: string, count: number, versions: Versions): [string, Versions][] {
  return Array.from({ length: count }, (_, n) => [`${name}${n}`, versions]);
}

function fileOf(
  before: readonly [string, Versions][],
  after: readonly [string, Versions][],
  counts: Pick<VersionFile, 'counts' | 'again'>,
): VersionFile {
  const lines = after.map(([id, versions]) => ({ id, note: noteOf(versions.at(-1) ?? '') }));
  return { body: ndjson(lines), before: new Map(before), after: new Map(after), ...counts };
}

/** 'created old (row)' to 'old'. */
function noteOf(version: string): string {
  return version.split(' ')[1] ?? '';
}

const DELETIONS: VersionFile = {
  body: ndjson(
    [...numbered('d', 10, STORED), ['never', []] as const].map(([id]) => ({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ request: { method: 'DELETE', url: `Basic/${id}` } }],
    })),
  ),
  before: new Map(numbered('d', 10, STORED)),
  after: new Map(numbered('d', 10, GONE)),
  counts: { loaded: 0, deleted: 10, missing: 1 },
  again: { loaded: 0, deleted: 0, missing: 11 },
};

/** Plainly inserted, some of which were deleted once; and deletions. */
export const RECREATED: VersionScene = {
  params: { 'thread-num': 1, 'history?': true, 'apply-deletions?': true },
  files: {
    'Basic.ndjson': fileOf(
      numbered('g', 10, GONE),
      [...numbered('g', 10, [...GONE, 'recreated new (row)']), ...numbered('n', 40, ['created new (row)'])],
      { counts: { loaded: 50 }, again: undefined },
    ),
    'deleted/Basic.ndjson': DELETIONS,
  },
};

/** With `upsert?`: overwritten, the same, recreated and new. */
export const WITH_HISTORY: VersionScene = {
  params: { ...RECREATED.params, 'upsert?': true },
  files: {
    'Basic.ndjson': fileOf(
      [...numbered('u', 10, STORED), ...numbered('s', 20, STORED), ...numbered('g', 5, GONE)],
      [
        ...numbered('u', 10, ['created old', 'updated new (row)']),
        ...numbered('s', 20, STORED),
        ...numbered('g', 5, [...GONE, 'recreated new (row)']),
        ...numbered('n', 15, ['created new (row)']),
      ],
      {
        counts: { loaded: 50, created: 20, updated: 10, unchanged: 20 },
        again: { loaded: 50, created: 0, updated: 0, unchanged: 50 },
      },
    ),
    'deleted/Basic.ndjson': DELETIONS,
  },
};

/** The number of every third deletion stands above the sequence, as in a database that was copied without it. */
const AHEAD = 1_000_000;

/** Puts the versions there that are there before the load. */
export async function storeVersions(cluster: MatrixCluster, { files }: VersionScene): Promise<void> {
  const before = Object.values(files).flatMap((file) => [...file.before]);
  const versions = before.flatMap(([id, all], n) =>
    all.map((text) => ({
      id,
      status: text.split(' ')[0],
      note: noteOf(text),
      isRow: text.endsWith('(row)'),
      ahead: text.startsWith('deleted') && n % 3 === 0 ? AHEAD : 0,
    })),
  );
  for (const isRow of [false, true]) {
    await cluster.sql(
      `insert into ${isRow ? 'basic' : 'basic_history'} (id, txid, resource_type, status, resource)
       select v ->> 'id', nextval('transaction_id_seq') + (v ->> 'ahead')::int, 'Basic', (v ->> 'status')::resource_status,
              jsonb_build_object('note', v ->> 'note') from jsonb_array_elements($1) v`,
      [JSON.stringify(versions.filter((version) => version.isRow === isRow))],
    );
  }
}

/** What is wrong after the load: of each file all versions are there, or none; and their numbers and times rise. */
export async function wrongVersions(
  cluster: MatrixCluster,
  bucket: string,
  fault: Fault,
  { files }: VersionScene,
): Promise<{ outcome: 'all' | 'none'; wrong: string[] }> {
  const { found, wrong } = await findVersions(cluster);
  let isAll = true;
  for (const [key, file] of Object.entries(files)) {
    const [loaded] = await cluster.sql<{ resource: Record<string, unknown> }>(
      `select resource from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'file' = $2`,
      [`s3://${bucket}`, key],
    );
    const { status, message } = loaded?.resource ?? {};
    const ids = new Set([...file.before.keys(), ...file.after.keys()]);
    const stands = (versions: ReadonlyMap<string, Versions>) =>
      [...ids].every((id) => (found.get(id) ?? []).join() === (versions.get(id) ?? []).join());
    const isAfter = stands(file.after);
    isAll &&= isAfter;
    const told = `${key}: LoaderFile ${JSON.stringify(loaded?.resource)}, ${capText(textOf(found, ids))}`;
    if (!isAfter && !(fault.deletes && stands(file.before))) wrong.push(told);
    const counts = (expected: Readonly<Record<string, number>> | undefined) =>
      expected !== undefined && Object.entries(expected).every(([name, count]) => loaded?.resource[name] === count);
    const isTold =
      loaded === undefined
        ? fault.deletes
        : status === 'done'
          ? isAfter && (counts(file.counts) || (fault.deletes && counts(file.again)))
          : fault.deletes && isAfter && file.again === undefined && /already exists/.test(String(message));
    if (!isTold) wrong.push(told);
  }
  return { outcome: isAll ? 'all' : 'none', wrong };
}

async function findVersions(
  cluster: MatrixCluster,
): Promise<{ found: ReadonlyMap<string, Versions>; wrong: string[] }> {
  const rows = await cluster.sql<{ id: string; versions: string[]; rising: boolean }>(
    `select id, array_agg(version order by txid) as versions, bool_and(rising) as rising
       from (select id, txid, status || ' ' || (resource ->> 'note') || kind as version,
                    coalesce(txid > lag(txid) over w and ts >= lag(ts) over w, true) as rising
               from (select id, txid, ts, status, resource, '' as kind from basic_history
                     union all select id, txid, ts, status, resource, ' (row)' from basic) v
             window w as (partition by id order by txid, kind)) w group by id`,
  );
  return {
    found: new Map(rows.map(({ id, versions }) => [id, versions])),
    wrong: rows.filter(({ rising }) => !rising).map(({ id, versions }) => `${id}: ${versions.join()} do not rise`),
  };
}

function textOf(found: ReadonlyMap<string, Versions>, ids: ReadonlySet<string>): string {
  return [...ids].map((id) => `${id}: ${(found.get(id) ?? []).join()}`).join('; ');
}
