import type { Queryable } from './query.ts';

/** Whether an Aidbox is configured to store some extensions as elements: `Attribute` resources with an `extensionUrl`. */
export async function hasFirstClassExtensions(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ exists: boolean }>(`select to_regclass('attribute') is not null as exists`);
  if (rows[0]?.exists !== true) return false;
  const { rowCount } = await db.query(`select from attribute where resource ->> 'extensionUrl' is not null limit 1`);
  return rowCount === 1;
}
