import type { Queryable } from '../../store/query.ts';
import type { Stage } from './stage.ts';

/** Which rows of the stage differ from the table's: their places in the stage, what each is (`Change`), and of new ones what a fingerprint is made of. */
export const CHANGES = 'pg_temp.fhir_bucket_loader_changes';

/** `new`: the table has no such id; `changed`: it is to be overwritten; `older`: the table has a later one, which stays. */
export type Change = 'new' | 'changed' | 'older';
export type ChangeCounts = Record<Change, number>;

/** The `id` and `hash` of the rows that the table does not have, a FROM item. */
export const NEW_HASHES = `(select id, hash from ${CHANGES} where change = 'new')`;

/** The rows of the stage that CHANGES names, `s`, and what each is, `c.change`; read by place, each once, in the order of ids. */
export function changedRows(stage: Stage): string {
  return `${CHANGES} c cross join lateral (select id, ts, resource from ${stage.name} where ctid = c.place limit 1) s`;
}

/** Makes the table where this connection does not have it yet; it is empty in every transaction. */
export async function createChanges(db: Queryable): Promise<void> {
  await db.query(
    `create temporary table if not exists ${CHANGES}
       (place tid not null, change text not null, id text, hash uuid) on commit delete rows`,
  );
}
