import { z } from 'zod';

/** What came of a run's files; counted, and stored, under these names. */
export const figuresSchema = z.object({
  /** Files loaded, files that failed, and files of the bucket that were still to be loaded. */
  done: z.number(),
  error: z.number(),
  left: z.number(),
  /** Of the files loaded: resources, bytes of the objects as stored, bad lines that are not among the resources. */
  resources: z.number(),
  bytes: z.number(),
  linesLeftOut: z.number(),
  failures: z.array(z.object({ source: z.string().nullable(), code: z.string().nullable(), files: z.number() })),
});
export type RunFigures = z.infer<typeof figuresSchema>;

/**
 * The figures of a load_run `r`, in SQL: counted from the LoaderFiles, those deleted meanwhile included. By txid, since it
 * is given out by the database in order, while the clocks of replicas differ. One failure a source and code, the commonest
 * first.
 */
export const FIGURES = `(
  with f as (
    select l.resource from loaderfile l
     where l.resource ->> 'bucket' = r.bucket
       and (l.resource ->> 'status' in ('pending', 'in-progress') or l.txid >= r.first_txid)
    union all
    select d.resource from fhir_bucket_loader.load_run_deleted d where d.run = r.run
  ), failed as (
    select resource #>> '{error,source}' as source, resource #>> '{error,code}' as code, count(*) as files
      from f where resource ->> 'status' = 'error'
     group by 1, 2 order by 3 desc, 2, 1 limit 100
  )
  select jsonb_build_object(
           'done', count(*) filter (where resource ->> 'status' = 'done'),
           'error', count(*) filter (where resource ->> 'status' = 'error'),
           'left', count(*) filter (where resource ->> 'status' in ('pending', 'in-progress')),
           'resources', coalesce(sum((resource ->> 'loaded')::numeric) filter (where resource ->> 'status' = 'done'), 0),
           'bytes', coalesce(sum((resource ->> 'size')::numeric) filter (where resource ->> 'status' = 'done'), 0),
           'linesLeftOut', coalesce(sum((resource ->> 'lines-left-out')::numeric)
                                      filter (where resource ->> 'status' = 'done'), 0),
           'failures', coalesce((select jsonb_agg(failed) from failed), '[]'))
    from f)`;

/**
 * When a load_run `r` that nobody has ended was last heard of, in SQL: all its replicas died some time after that.
 */
export const LAST_SEEN = `greatest(
  r.started_at,
  (select r.started_at + max(second) * interval '1 s' from fhir_bucket_loader.load_run_rate p where p.run = r.run),
  (select max(l.ts) from loaderfile l where l.resource ->> 'bucket' = r.bucket and l.txid >= r.first_txid
      and l.resource ->> 'status' in ('done', 'error')),
  (select max((d.resource ->> 'ended')::timestamptz) from fhir_bucket_loader.load_run_deleted d where d.run = r.run))`;

/**
 * Whether dropped indexes that concern the bucket of a load_run `r` are not back, in SQL: those dropped for it, and those of
 * its files' tables.
 */
export const LACKS_INDEXES = `exists (
  select from disabledindex x
   where x.resource ->> 'status' = 'disabled'
     and (x.resource ->> 'bucket' = r.bucket
          or x.resource ->> 'tablename' in (select lower(l.resource ->> 'type') from loaderfile l
                                             where l.resource ->> 'bucket' = r.bucket)))`;
