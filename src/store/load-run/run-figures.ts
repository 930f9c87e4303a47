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

/** Members of a run's figures that are counted of the files loaded, in SQL; of rows with the `resource` of a LoaderFile. */
const DONE_FIGURES = `
           'done', count(*) filter (where resource ->> 'status' = 'done'),
           'resources', coalesce(sum((resource ->> 'loaded')::numeric) filter (where resource ->> 'status' = 'done'), 0),
           'bytes', coalesce(sum((resource ->> 'size')::numeric) filter (where resource ->> 'status' = 'done'), 0),
           'linesLeftOut', coalesce(sum((resource ->> 'lines-left-out')::numeric)
                                      filter (where resource ->> 'status' = 'done'), 0)`;

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
  select jsonb_build_object(${DONE_FIGURES},
           'error', count(*) filter (where resource ->> 'status' = 'error'),
           'left', count(*) filter (where resource ->> 'status' in ('pending', 'in-progress')),
           'failures', coalesce((select jsonb_agg(failed) from failed), '[]'))
    from f)`;

/**
 * Counts the run before a load_run again, where its replicas died: a COMMIT that was on its way when they did, and reached Postgres
 * after that run was counted, has loaded files that were counted as left. A statement with one parameter, the later run.
 */
export const COUNT_LATE_COMMITS = `
  with former as (
    select p.run, p.bucket, p.first_txid, r.first_txid as next_txid
      from fhir_bucket_loader.load_run r
     cross join lateral (select * from fhir_bucket_loader.load_run p
                          where p.queue = r.queue and p.bucket = r.bucket and p.run < r.run order by p.run desc limit 1) p
     where r.run = $1 and p.outcome = 'interrupted' and (p.figures ->> 'left')::int > 0
  ), counted as (
    select f.run, jsonb_build_object(${DONE_FIGURES}) as figures
      from former f
      join loaderfile l on l.resource ->> 'bucket' = f.bucket and l.txid >= f.first_txid and l.txid < f.next_txid
     group by f.run
  ), late as (
    select run, figures, (figures ->> 'done')::int as done from counted
  )
  update fhir_bucket_loader.load_run p
     set figures = p.figures || late.figures || jsonb_build_object(
           'left', greatest(0, (p.figures ->> 'left')::int + (p.figures ->> 'done')::int - late.done))
    from late
   where p.run = late.run and late.done > (p.figures ->> 'done')::int`;

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
