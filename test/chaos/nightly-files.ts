import { gzipSync } from 'node:zlib';
import type pg from 'pg';
import type { Random } from '../../demo/fhir-data/random.ts';
import { tableName } from '../../src/store/resource-tables.ts';

/** Lines of which the table has a third the same and a third otherwise, and a list of deletes: of what a nightly export is made. */
export interface NightlyFile {
  key: string;
  type: string;
  body: Buffer;
  /** What the table and its history hold of it, by ids that begin so, before and after. */
  prefix: string;
  before: Held;
  after: Held;
  /** What its LoaderFile counts. */
  counts: Readonly<Record<string, number>>;
  /** Rows that are in the table before, in this order. */
  former: readonly { id: string; resource: object }[];
  /** Ids that the history has as deleted before. */
  gone?: readonly string[];
}

/** Rows of the file's version, rows of a former one, rows that say recreated, versions in the history, and those of them that say deleted. */
interface Held {
  rows: number;
  former: number;
  recreated: number;
  history: number;
  deleted: number;
}

const THIRDS = { from: 20, to: 200 };
/** More than are always looked at (`mostly-differs.ts`), and a number that no multiple of `APART` shares a divisor with. */
const REWRITTEN = 2_003;
const APART = 1_117;

/** Draws a file that is written with `upsert?` and `history?`, and one of deletions. */
export function planNightly(random: Random, bucket: string, type: string): NightlyFile[] {
  const third = random.between(THIRDS.from, THIRDS.to);
  const deletes = random.between(THIRDS.from, THIRDS.to);
  return [planUpserts(bucket, type, third), planDeletes(bucket, type, deletes)];
}

/** Draws a file that is inserted beside versions: a third of its resources were deleted once; and one of deletions. */
export function planRecreated(random: Random, bucket: string, type: string): NightlyFile[] {
  const third = random.between(THIRDS.from, THIRDS.to);
  const deletes = random.between(THIRDS.from, THIRDS.to);
  const key = `${type}-recreated.ndjson.gz`;
  const prefix = `${bucket}-recreated-`;
  const ids = Array.from({ length: 3 * third }, (_, n) => `${prefix}${n}`);
  const lines = ids.map((id, n) => ({
    resourceType: type,
    id,
    origin: { bucket, file: key, line: n + 1, version: 1 },
  }));
  const recreated: NightlyFile = {
    key,
    type,
    body: gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
    prefix,
    former: [],
    gone: ids.slice(0, third),
    before: { rows: 0, former: 0, recreated: 0, history: third, deleted: third },
    after: { rows: 3 * third, former: 0, recreated: third, history: third, deleted: third },
    counts: { loaded: 3 * third },
  };
  return [recreated, planDeletes(bucket, type, deletes)];
}

/** Draws a file of which nearly all rows have changed, which the table holds in the order of its lines, not in that of ids. */
export function planRewritten(random: Random, bucket: string, type: string): NightlyFile[] {
  const key = `${type}-rewritten.ndjson.gz`;
  const prefix = `${bucket}-rewritten-`;
  const created = random.between(0, 3);
  const ids = Array.from({ length: REWRITTEN }, (_, n) => `${prefix}${(n * APART) % REWRITTEN}`);
  const resource = (n: number, version: number) => ({ origin: { bucket, file: key, line: n + 1, version } });
  return [
    {
      key,
      type,
      body: gzipSync(ids.map((id, n) => `${JSON.stringify({ resourceType: type, id, ...resource(n, 1) })}\n`).join('')),
      prefix,
      former: ids.slice(created).map((id, n) => ({ id, resource: resource(n + created, 0) })),
      before: { rows: 0, former: REWRITTEN - created, recreated: 0, history: 0, deleted: 0 },
      after: { rows: REWRITTEN, former: 0, recreated: 0, history: 0, deleted: 0 },
      counts: { loaded: REWRITTEN, created, updated: REWRITTEN - created, unchanged: 0 },
    },
  ];
}

function planUpserts(bucket: string, type: string, third: number): NightlyFile {
  const key = `${type}-nightly.ndjson.gz`;
  const prefix = `${bucket}-nightly-`;
  const ids = Array.from({ length: 3 * third }, (_, n) => `${prefix}${n}`);
  const resource = (n: number, version: number) => ({ origin: { bucket, file: key, line: n + 1, version } });
  const lines = ids.map((id, n) => ({ resourceType: type, id, ...resource(n, 1) }));
  return {
    key,
    type,
    body: gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
    prefix,
    former: ids.slice(third).map((id, n) => ({ id, resource: resource(n + third, n < third ? 0 : 1) })),
    before: { rows: third, former: third, recreated: 0, history: 0, deleted: 0 },
    after: { rows: 3 * third, former: 0, recreated: 0, history: third, deleted: 0 },
    counts: { loaded: 3 * third, created: third, updated: third, unchanged: third },
  };
}

function planDeletes(bucket: string, type: string, count: number): NightlyFile {
  const key = `deleted/${type}.ndjson`;
  const prefix = `${bucket}-deleted-`;
  const ids = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const bundle = (id: string) => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ request: { method: 'DELETE', url: `${type}/${id}` } }],
  });
  return {
    key,
    type,
    body: Buffer.from([...ids, `${prefix}never`].map((id) => `${JSON.stringify(bundle(id))}\n`).join('')),
    prefix,
    former: ids.map((id, n) => ({ id, resource: { origin: { bucket, file: key, line: n + 1, version: 0 } } })),
    before: { rows: 0, former: count, recreated: 0, history: 0, deleted: 0 },
    after: { rows: 0, former: 0, recreated: 0, history: 2 * count, deleted: count },
    counts: { loaded: 0, deleted: count, missing: 1 },
  };
}

/** Puts the rows into the table, and the deletions into its history, that are there before the load. */
export async function insertFormer(pool: pg.Pool, { type, former, gone = [] }: NightlyFile): Promise<void> {
  await pool.query(
    `insert into ${tableName(type)}_history (id, txid, resource_type, status, resource)
     select id, nextval('transaction_id_seq'), $1, 'deleted', '{}' from unnest($2::text[]) id`,
    [type, gone],
  );
  await pool.query(
    `insert into ${tableName(type)} (id, txid, resource_type, status, resource)
     select r ->> 'id', nextval('transaction_id_seq'), $1, 'created', r -> 'resource' from jsonb_array_elements($2) r`,
    [type, JSON.stringify(former)],
  );
}

/** What of a file contradicts its LoaderFile, in one snapshot: rows, history and counts agree with it, or none has changed. */
export async function checkNightly(pool: pg.Pool, bucket: string, file: NightlyFile): Promise<string | undefined> {
  const table = tableName(file.type);
  const { rows } = await pool.query<Held & { status: string | null; counts: Record<string, unknown> | null }>(
    `select l.resource ->> 'status' as status,
            l.resource - '{bucket,file,type,size,etag,last-modified,status,start,end}'::text[] as counts,
            t.rows, t.former, t.recreated, h.history, h.deleted
       from (select count(*) filter (where resource #>> '{origin,version}' = '1')::int as rows,
                    count(*) filter (where resource #>> '{origin,version}' = '0')::int as former,
                    count(*) filter (where status = 'recreated')::int as recreated
               from ${table} where starts_with(id, $2)) t
      cross join (select count(*)::int as history, count(*) filter (where status = 'deleted')::int as deleted
                    from ${table}_history where starts_with(id, $2)) h
       left join loaderfile l on l.resource ->> 'bucket' = 's3://' || $1 and l.resource ->> 'file' = $3`,
    [bucket, file.prefix, file.key],
  );
  const [found] = rows;
  if (found === undefined) return `${file.key}: nothing was found`;
  const { status, counts, ...held } = found;
  const isDone = status === 'done';
  const expected = isDone ? file.after : file.before;
  const agrees = Object.entries(expected).every(([name, value]) => held[name as keyof Held] === value);
  const isCounted = !isDone || Object.entries(file.counts).every(([name, value]) => counts?.[name] === value);
  if (agrees && isCounted) return undefined;
  return `${file.key} is ${status} (${JSON.stringify(counts)}) with ${JSON.stringify(held)}, not ${JSON.stringify(expected)}`;
}
