import type { Queryable } from '../query.ts';
import { LOADER_FILE_ID_PATTERN } from './loader-file.ts';

/** What was loaded of a resource type so far, from any bucket. */
export interface LoadedType {
  /** In lowercase. */
  type: string;
  /** Of the objects, as stored. */
  bytes: number;
  rows: number;
}

/** Adds up the files that were loaded, by type. */
export async function sumLoadedTypes(db: Queryable): Promise<LoadedType[]> {
  const { rows } = await db.query<LoadedType>(
    `select lower(resource ->> 'type') as type, sum((resource ->> 'size')::float8) as bytes,
            sum((resource ->> 'loaded')::float8) as rows
       from loaderfile
      where resource ->> 'status' = 'done' and resource ->> 'type' is not null
        and (resource ->> 'size')::float8 > 0 and resource ->> 'loaded' is not null
      group by 1`,
  );
  return rows;
}

/** How fast files were loaded. */
export interface PastPace {
  files: number;
  /** Of the objects, as stored. */
  bytes: number;
  /** In which at least one of the files was being loaded. */
  seconds: number;
}

/** The newest files that count for the pace. */
const NEWEST = 10_000;

/** The pace of the files that were loaded last, by this loader. Time in which no file was loading does not count. */
export async function readPastPace(db: Queryable): Promise<PastPace> {
  const { rows } = await db.query<PastPace>(
    `with past as (
       select (resource ->> 'size')::float8 as bytes, (resource ->> 'start')::timestamptz as began,
              (resource ->> 'end')::timestamptz as ended
         from loaderfile
        where resource ->> 'status' = 'done' and id ~ $1 and (resource ->> 'size')::float8 > 0
          and resource ->> 'start' <= resource ->> 'end'
        order by resource ->> 'end' desc limit $2
     ), marked as (
       select bytes, began, ended,
              began > max(ended) over (order by began, ended rows between unbounded preceding and 1 preceding) as apart
         from past
     ), numbered as (
       select bytes, began, ended, count(*) filter (where apart) over (order by began, ended) as stretch from marked
     ), stretches as (
       select count(*) as files, sum(bytes) as bytes, extract(epoch from max(ended) - min(began)) as seconds
         from numbered group by stretch
     )
     select coalesce(sum(files), 0)::int as files, coalesce(sum(bytes), 0)::float8 as bytes,
            coalesce(sum(seconds), 0)::float8 as seconds from stretches`,
    [LOADER_FILE_ID_PATTERN, NEWEST],
  );
  return rows[0] ?? { files: 0, bytes: 0, seconds: 0 };
}
