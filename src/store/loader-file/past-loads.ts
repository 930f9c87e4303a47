import type { Queryable } from '../query.ts';
import { QUEUE } from './queue.ts';

/** What was loaded of a resource type so far, from any bucket. */
export interface LoadedType {
  /** In lowercase. */
  type: string;
  /** Of the objects, as stored. */
  bytes: number;
  rows: number;
}

/** Adds up the files that were loaded, by type; not those of deletions, whose types say nothing of their lines. */
export async function sumLoadedTypes(db: Queryable): Promise<LoadedType[]> {
  const { rows } = await db.query<LoadedType>(
    `select lower(resource ->> 'type') as type, sum((resource ->> 'size')::float8) as bytes,
            sum((resource ->> 'loaded')::float8) as rows
       from loaderfile
      where resource ->> 'status' = 'done' and resource ->> 'type' is not null
        and (resource ->> 'size')::float8 > 0 and resource ->> 'loaded' is not null
        and resource -> 'deleted' is null
      group by 1`,
  );
  return rows;
}

/** How fast loads were. */
export interface PastPace {
  loads: number;
  /** Of the objects, as stored. */
  bytes: number;
  /** From the first file to the last index. */
  seconds: number;
}

/** The newest loads that count for the pace. */
const NEWEST = 20;

/** The pace of the loads, of any bucket, that came to their end last; those that loaded nothing do not count. */
export async function readPastPace(db: Queryable): Promise<PastPace> {
  const { rows } = await db.query<PastPace>(
    `with past as (
       select (figures ->> 'bytes')::float8 as bytes, extract(epoch from ended_at - started_at)::float8 as seconds
         from fhir_bucket_loader.load_run
        where queue = ${QUEUE} and outcome = 'completed' and (figures ->> 'bytes')::float8 > 0 and ended_at > started_at
        order by run desc limit $1
     )
     select count(*)::int as loads, coalesce(sum(bytes), 0) as bytes, coalesce(sum(seconds), 0) as seconds from past`,
    [NEWEST],
  );
  return rows[0] ?? { loads: 0, bytes: 0, seconds: 0 };
}
