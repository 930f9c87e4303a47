import type { Queryable } from '../query.ts';
import { DECIDED } from './decided.ts';
import { type LoaderFile, loaderFileSchema } from './loader-file.ts';

/** A file claimed for loading. */
export interface ClaimedFile {
  id: string;
  file: LoaderFile;
}

/**
 * Takes the first of `ids` that is unfinished and that nobody loads, and marks it `in-progress`.
 *
 * The mark is for people; it is no lock. The lock is taken by `lockFile` in the transaction that loads the
 * rows, a moment later: should another replica claim the same file in between, one of the two gets the lock and the
 * other moves on. What a dead replica had locked, Postgres has unlocked, and it is claimed here like any other.
 * The ids come from the caller, in its order of work, so a claim costs a few look-ups by primary key however long
 * the queue is, on Aidbox's own table as well, which has no index by status.
 */
export async function claimLoaderFile(db: Queryable, ids: readonly string[]): Promise<ClaimedFile | undefined> {
  const { rows } = await db.query<{ id: string; resource: unknown }>(
    `with next as materialized (
       select l.id
         from unnest($1::text[]) with ordinality as wanted(id, place)
         join loaderfile l on l.id = wanted.id
        where l.resource ->> 'status' in ('pending', 'in-progress') and not ${DECIDED}
        order by wanted.place
        limit 1
          for update of l skip locked
     )
     update loaderfile l
        set resource = (l.resource - '{end,loaded,lines-left-out,message,error}'::text[])
                       || jsonb_build_object('status', 'in-progress', 'start', $2::text),
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from next
      where l.id = next.id
     returning l.id, l.resource`,
    [ids, new Date().toISOString()],
  );
  const row = rows[0];
  return row === undefined ? undefined : { id: row.id, file: loaderFileSchema.parse(row.resource) };
}
