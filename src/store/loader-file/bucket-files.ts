import type { ReferenceCounts } from '../../fhir/reference-target.ts';
import type { Queryable } from '../query.ts';
import { type LoaderFile, loaderFileSchema } from './loader-file.ts';
import { QUEUE } from './queue.ts';
import { type OutcomeCounts, ROW_OUTCOMES } from './stored-rows.ts';

/** How many files there are of any status. */
export function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** How many LoaderFiles a bucket has. */
export async function countFiles(db: Queryable, bucket: string): Promise<number> {
  const { rows } = await db.query<{ files: number }>(
    `select count(*)::int as files from loaderfile where resource ->> 'bucket' = $1`,
    [bucket],
  );
  return rows[0]?.files ?? 0;
}

/** How many LoaderFiles of a bucket have each status that occurs, and how many bad lines were left out of those that are done: in one scan. */
export async function countFilesAndLines(
  db: Queryable,
  bucket: string,
): Promise<{ counts: Record<string, number>; linesLeftOut: number }> {
  const { rows } = await db.query<{ status: string; files: number; lines: number }>(
    `select coalesce(resource ->> 'status', 'pending') as status, count(*)::int as files,
            coalesce(sum((resource ->> 'lines-left-out')::bigint), 0)::float8 as lines
       from loaderfile where resource ->> 'bucket' = $1 group by 1`,
    [bucket],
  );
  const done = rows.find(({ status }) => status === 'done');
  return {
    counts: Object.fromEntries(rows.map(({ status, files }) => [status, files])),
    linesLeftOut: done?.lines ?? 0,
  };
}

const OUTCOME_SUMS = ROW_OUTCOMES.map((name) => `'${name}', sum((resource ->> '${name}')::float8)`).join(', ');

/** The files of one type and status of a bucket. */
export interface FileSummary {
  type: string;
  status: string;
  files: number;
  /** Size of the objects, in bytes. */
  bytes: number;
  /** Resources loaded. */
  loaded: number;
  /** What became of them, of files that count it. */
  outcomes: OutcomeCounts;
}

/** The bucket's files by type and status, and when the first of them was begun. */
export async function summarizeFiles(db: Queryable, bucket: string): Promise<FileSummary[]> {
  const { rows } = await db.query<FileSummary>(
    `select coalesce(resource ->> 'type', '') as type, coalesce(resource ->> 'status', 'pending') as status,
            count(*)::int as files, coalesce(sum((resource ->> 'size')::float8), 0) as bytes,
            coalesce(sum((resource ->> 'loaded')::float8), 0) as loaded,
            jsonb_strip_nulls(jsonb_build_object(${OUTCOME_SUMS})) as outcomes
       from loaderfile where resource ->> 'bucket' = $1
      group by 1, 2 order by 1, 2`,
    [bucket],
  );
  return rows;
}

/** How many files of a bucket have a status. */
export interface FileCount {
  bucket: string;
  status: string;
  files: number;
  /** Of the objects, as stored. */
  bytes: number;
  /** When the last of them ended, in seconds since 1970; null before one has. */
  lastEnd: number | null;
}

/** The files, by status, of the buckets that were called for within the last `days`. */
export async function countRecentFiles(db: Queryable, days: number): Promise<FileCount[]> {
  const { rows } = await db.query<FileCount>(
    `select b.bucket, coalesce(l.resource ->> 'status', 'pending') as status, count(*)::int as files,
            coalesce(sum((l.resource ->> 'size')::numeric), 0)::float8 as bytes,
            extract(epoch from max((l.resource ->> 'end')::timestamptz))::float8 as "lastEnd"
       from fhir_bucket_loader.bucket_load b join loaderfile l on l.resource ->> 'bucket' = b.bucket
      where b.queue = ${QUEUE} and b.called_at > current_timestamp - $1 * interval '1 day'
      group by 1, 2`,
    [days],
  );
  return rows;
}

/** The first files of a bucket with this status, by key, at most `limit`. */
export async function listFilesByStatus(
  db: Queryable,
  bucket: string,
  status: string,
  limit: number,
): Promise<(LoaderFile & { id: string })[]> {
  const { rows } = await db.query<{ id: string; resource: unknown }>(
    `select id, resource from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = $2 order by resource ->> 'file' limit $3`,
    [bucket, status, limit],
  );
  return rows.map(({ id, resource }) => ({ ...loaderFileSchema.parse(resource), id }));
}

/** The resource types of a bucket's files, of any status. */
export async function listBucketTypes(db: Queryable, bucket: string): Promise<string[]> {
  const { rows } = await db.query<{ type: string }>(
    `select distinct resource ->> 'type' as type from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'type' is not null order by 1`,
    [bucket],
  );
  return rows.map((row) => row.type);
}

/** How many of a bucket's files are done, by type. */
export async function countDoneFiles(db: Queryable, bucket: string): Promise<Record<string, number>> {
  const { rows } = await db.query<{ type: string; files: number }>(
    `select resource ->> 'type' as type, count(*)::int as files from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done' and resource ->> 'type' is not null
      group by 1`,
    [bucket],
  );
  return Object.fromEntries(rows.map(({ type, files }) => [type, files]));
}

/** What became of the open references of a bucket's files, as they were loaded; undefined where none were looked up. */
export async function countReferences(db: Queryable, bucket: string): Promise<ReferenceCounts | undefined> {
  const { rows } = await db.query<{ result: keyof ReferenceCounts; type: string; n: number }>(
    `select each.result, each.type, sum(each.n)::float8 as n
       from loaderfile l
      cross join lateral (
        select 'resolved' as result, '' as type, (l.resource #>> '{references,resolved}')::float8 as n
        union all select 'unresolved', key, value::float8 from jsonb_each_text(l.resource #> '{references,unresolved}')
        union all select 'ambiguous', key, value::float8 from jsonb_each_text(l.resource #> '{references,ambiguous}')
      ) each
      where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' = 'done' and l.resource ? 'references'
      group by 1, 2 order by 1, 2`,
    [bucket],
  );
  if (rows.length === 0) return undefined;
  const counts: ReferenceCounts = { resolved: 0, unresolved: {}, ambiguous: {} };
  for (const { result, type, n } of rows) {
    if (result === 'resolved') counts.resolved = n;
    else counts[result][type] = n;
  }
  return counts;
}
