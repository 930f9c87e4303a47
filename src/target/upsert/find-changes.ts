import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import type { Stage } from './stage.ts';

/** Which rows of the stage are to be written: their places there, and whether the table had their ids. */
export const CHANGES = 'pg_temp.fhir_bucket_loader_changes';

/** The rows of the stage that CHANGES names, as the subquery `s`; read by place, each once. */
export function changedRows(stage: Stage): string {
  return `${CHANGES} c cross join lateral (select id, ts, resource from ${stage.name} where ctid = c.place limit 1) s`;
}

/** Makes the table where this connection does not have it yet; it is empty in every transaction. */
export async function createChanges(db: Queryable): Promise<void> {
  await db.query(
    `create temporary table if not exists ${CHANGES} (place tid not null, known boolean not null) on commit delete rows`,
  );
}

/**
 * Puts the rows of the stage that the table does not have, or has otherwise, into CHANGES. Rows that are the same are only
 * read: `on conflict do update … where false` would lock each of them, which dirties its page.
 *
 * Resources are compared by their bytes as stored, since jsonb takes 1.0 and 1.00 for equal, and FHIR does not. That is
 * also the fastest way: `t.resource = s.resource` took 1.3 times as long, `::text` 2 to 8 times. Where rows bring a `ts` of
 * their own it counts as well; those that do not have that of the transaction.
 *
 * The lateral look-up keeps Postgres, which knows neither table's size for certain, from hashing two tables of wide rows;
 * and without sequential scans a table that was empty when the statement was planned is not read once for each row
 * when others have filled it meanwhile.
 * @returns how many rows are to be written
 */
export async function findChanges(db: Queryable, table: ResourceTable, stage: Stage): Promise<number> {
  await db.query('set local jit = off; set local enable_seqscan = off');
  const { rowCount } = await db.query(
    `insert into ${CHANGES} (place, known)
     select s.ctid, t.id is not null
       from ${stage.name} s
       left join lateral (select id, ts, resource from ${qualifiedName(table)} where id = s.id limit 1) t on true
      where t.id is null
         or not pg_catalog.record_image_eq(row(t.resource), row(s.resource))
         or (s.ts <> current_timestamp and s.ts is distinct from t.ts)`,
  );
  await db.query('set local enable_seqscan = default');
  return rowCount ?? 0;
}
