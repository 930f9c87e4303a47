import type { Queryable } from '../query.ts';
import { DECIDED } from './decided.ts';

/**
 * Gives files back to the queue that are marked `in-progress` though nobody loads them: what replicas that died had
 * in flight. A file being loaded is locked and passed over.
 */
export async function releaseOrphans(db: Queryable, bucket: string): Promise<void> {
  await db.query(
    `with orphan as materialized (
       select l.id from loaderfile l
        where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' = 'in-progress' and not ${DECIDED}
          for update skip locked
     )
     update loaderfile l
        set resource = (l.resource - 'start') || '{"status": "pending"}',
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from orphan where l.id = orphan.id`,
    [bucket],
  );
}
