import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

/** A file in the hands of a replica that says nothing any more, although its connections stand. */
export interface SilentlyHeldFile {
  file: string;
  /** The backend whose transaction holds the file. */
  pid: number;
  /** Where the replica is; null for a local socket, or where the role may not see it. */
  address: string | null;
}

/** What hung replicas hold of a bucket. */
export interface Silence {
  /** Since one of them said something, in ms. */
  silentMs: number;
  files: SilentlyHeldFile[];
}

/** A replica says every second how far it is; one that waits for a busy database may miss many, in ms. */
const SILENT_MS = 60_000;

/** By then a replica has said which files it has taken, in ms. */
const TAKEN_MS = 10_000;

/**
 * The bucket's files that are locked, and that no replica which still says something is known to load. Of a replica that died Postgres has
 * rolled the transactions back; what it said may still stand there.
 */
export async function findSilence(db: Queryable, bucket: string): Promise<Silence | undefined> {
  const silent = await db.query<{ ms: number | null }>(
    `select max(extract(epoch from clock_timestamp() - updated_at) * 1000)::float8 as ms
       from fhir_bucket_loader.replica_progress
      where queue = ${QUEUE} and bucket = $1 and updated_at < clock_timestamp() - $2 * interval '1 ms'`,
    [bucket, SILENT_MS],
  );
  const silentMs = silent.rows[0]?.ms;
  if (silentMs === null || silentMs === undefined) return undefined;
  // Who has locked a row stands in it, and holds a lock on its own transaction.
  const held = await db.query<SilentlyHeldFile>(
    `select l.resource ->> 'file' as file, k.pid, host(a.client_addr) as address
       from loaderfile l
            join pg_locks k on k.locktype = 'transactionid' and k.transactionid = l.xmax and k.granted
            join pg_stat_activity a on a.pid = k.pid
      where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' = 'in-progress'
            and a.xact_start < clock_timestamp() - $3 * interval '1 ms'
            and not exists (select from fhir_bucket_loader.replica_progress p
                             where p.queue = ${QUEUE} and p.bucket = $1 and p.files ? l.id
                                   and p.updated_at >= clock_timestamp() - $2 * interval '1 ms')
      order by file`,
    [bucket, SILENT_MS, TAKEN_MS],
  );
  return held.rows.length === 0 ? undefined : { silentMs, files: held.rows };
}
