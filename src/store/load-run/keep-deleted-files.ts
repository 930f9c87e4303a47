import { jsonbText } from '../jsonb-text.ts';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

/** Keeps what deleted LoaderFiles say of the runs in progress that loaded them. In the transaction that deletes them. */
export async function keepDeletedFiles(
  db: Queryable,
  files: readonly { id: string; txid: string; ts: Date | null; resource: unknown }[],
): Promise<void> {
  await db.query(
    `insert into fhir_bucket_loader.load_run_deleted (run, loader_file, txid, resource)
     select r.run, f.id, f.txid,
            jsonb_strip_nulls(jsonb_build_object(
              'status', f.resource -> 'status', 'size', f.resource -> 'size', 'loaded', f.resource -> 'loaded',
              'lines-left-out', f.resource -> 'lines-left-out', 'error', f.resource -> 'error', 'ended', f.ts))
       from unnest($1::text[], $2::bigint[], $3::jsonb[], $4::timestamptz[]) as f(id, txid, resource, ts)
       join fhir_bucket_loader.load_run r on r.queue = ${QUEUE} and r.bucket = f.resource ->> 'bucket'
      where r.ended_at is null and f.txid >= r.first_txid and f.resource ->> 'status' in ('done', 'error')`,
    [
      files.map(({ id }) => id),
      files.map(({ txid }) => txid),
      files.map(({ resource }) => jsonbText(resource)),
      files.map(({ ts }) => ts),
    ],
  );
}
