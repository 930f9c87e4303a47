import type pg from 'pg';
import type { Queryable } from '../query.ts';
import { qualifiedName, type ResourceTable, resolveTables } from '../resource-tables.ts';
import { nextTxid } from '../transaction-stamps.ts';

/** A resource as it stands in its table. */
export interface StoredResource {
  id: string;
  txid: string;
  /** JSON text. */
  resource: string;
}

/** What a reference that could be resolved looks like in the text of a jsonb. */
const OPEN = String.raw`"uri": "([A-Z][A-Za-z]+\?|urn:uuid:)`;

/** The next resources, by id, that hold a reference which could be resolved. */
export async function listOpenReferences(
  db: Queryable,
  table: ResourceTable,
  after: string,
  limit: number,
): Promise<StoredResource[]> {
  const { rows } = await db.query<StoredResource>(
    `select id, txid::text, resource::text from ${qualifiedName(table)}
      where id > $1 and resource::text ~ $2 order by id limit $3`,
    [after, OPEN, limit],
  );
  return rows;
}

/**
 * Writes the resources' next versions, the former ones into history. One that has changed since it was read is left
 * as it is.
 * @returns how many were written
 */
export async function replaceResources(
  client: pg.ClientBase,
  table: ResourceTable,
  changed: readonly StoredResource[],
): Promise<number> {
  if (changed.length === 0) return 0;
  const name = qualifiedName(table);
  const values = [changed.map(({ id }) => id), changed.map(({ txid }) => txid)];
  const wanted = 'unnest($1::text[], $2::bigint[]) as wanted (id, txid)';
  await client.query(
    `select from ${name} t join ${wanted} on wanted.id = t.id and wanted.txid = t.txid for update of t`,
    values,
  );
  const [history] = await resolveTables(client, [`${table.name}_history`]);
  if (history !== undefined) {
    await client.query(
      `insert into ${qualifiedName(history)} (id, txid, ts, cts, resource_type, status, resource)
       select t.id, t.txid, t.ts, t.cts, t.resource_type, t.status, t.resource
         from ${name} t join ${wanted} on wanted.id = t.id and wanted.txid = t.txid
       on conflict do nothing`,
      values,
    );
  }
  const { rowCount } = await client.query(
    `update ${name} t set resource = wanted.resource::jsonb, txid = $4, ts = current_timestamp, status = 'updated'
       from unnest($1::text[], $2::bigint[], $3::text[]) as wanted (id, txid, resource)
      where wanted.id = t.id and wanted.txid = t.txid`,
    [...values, changed.map(({ resource }) => resource), (await nextTxid(client)).toString()],
  );
  return rowCount ?? 0;
}
