import type { Queryable } from '../query.ts';
import { QUEUE } from './queue.ts';

/**
 * Of a LoaderFile `l`: the commit of its rows is decided, and has only to be completed. Nobody may claim, queue or delete
 * it then. A statement that has waited for the row, or skipped others' locks, has perhaps begun before the decision: it
 * must ask once more, by another statement, when it has the lock.
 */
export const DECIDED = `exists (select from fhir_bucket_loader.commit_decision d
                                 where d.queue = ${QUEUE} and d.loader_file = l.id)`;

/** Whether one of these LoaderFiles, which the caller has locked or deleted, is decided. */
export async function hasDecidedFile(db: Queryable, ids: readonly string[]): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.commit_decision
      where queue = ${QUEUE} and loader_file = any ($1) limit 1`,
    [ids],
  );
  return rowCount !== 0;
}
