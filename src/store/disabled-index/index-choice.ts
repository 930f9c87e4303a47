import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';
import type { ResourceTable } from '../resource-tables.ts';

/** Whether a load drops a table's indexes, where it may choose, and why. */
export interface IndexChoice {
  dropped: boolean;
  /** A sentence. */
  reason: string;
}

/** Records what a bucket's load has chosen for a table; the last choice stands. */
export async function recordIndexChoice(
  db: Queryable,
  bucket: string,
  { schema, name }: ResourceTable,
  { dropped, reason }: IndexChoice,
): Promise<void> {
  await db.query(
    `insert into fhir_bucket_loader.index_choice (bucket, schemaname, tablename, dropped, reason) values ($1, $2, $3, $4, $5)
     on conflict (queue, bucket, schemaname, tablename) do update
        set dropped = excluded.dropped, reason = excluded.reason, chosen_at = clock_timestamp()`,
    [bucket, schema, name, dropped, reason],
  );
}

/** The last choices for a bucket, by table. */
export async function listIndexChoices(db: Queryable, bucket: string): Promise<({ table: string } & IndexChoice)[]> {
  const { rows } = await db.query<{ table: string } & IndexChoice>(
    `select tablename as table, dropped, reason from fhir_bucket_loader.index_choice
      where queue = ${QUEUE} and bucket = $1 order by 1, schemaname`,
    [bucket],
  );
  return rows;
}
