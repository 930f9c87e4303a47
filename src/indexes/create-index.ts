import pg from 'pg';
import type { DisabledIndex } from '../store/disabled-index/disabled-index.ts';
import type { Queryable } from '../store/query.ts';
import { markIndex } from './mark-index.ts';

/**
 * Rebuilds a dropped index with its marks, as the constraint that it was where it backed one; to be called in a
 * transaction. An index of that name that stands already is left as it is. A key comes back as a unique index first, which can be
 * built by parallel workers, and then becomes the constraint.
 * @returns a sentence for each mark that Postgres does not support for this table
 * @throws what Postgres answers, for instance 23505 when rows contradict the key
 */
export async function createIndex(db: Queryable, index: DisabledIndex): Promise<string[]> {
  if (await exists(db, index)) return [];
  await build(db, index);
  return await markIndex(db, index);
}

async function build(db: Queryable, index: DisabledIndex): Promise<void> {
  const schema = pg.escapeIdentifier(index.schemaname);
  const table = `${schema}.${pg.escapeIdentifier(index.tablename)}`;
  // pg_get_indexdef leaves the tablespace out.
  await db.query(`select set_config('default_tablespace', $1, true)`, [index.tablespace ?? '']);
  const { constraint } = index;
  if (constraint === undefined) {
    await db.query(index.indexdef);
    return;
  }
  const name = pg.escapeIdentifier(constraint.name);
  const unique = /^(PRIMARY KEY|UNIQUE)(?: NULLS NOT DISTINCT)? \((?:.*)\)(?: INCLUDE \(.*\))?(.*)$/s.exec(
    constraint.definition,
  );
  if (unique === null || constraint.definition.includes('WITHOUT OVERLAPS')) {
    await db.query(`alter table ${table} add constraint ${name} ${constraint.definition}`);
    return;
  }
  await db.query(index.indexdef);
  const [, kind, deferrability] = unique;
  await db.query(
    `alter table ${table} add constraint ${name} ${kind} using index ${pg.escapeIdentifier(index.indexname)}${deferrability}`,
  );
}

async function exists(db: Queryable, index: DisabledIndex): Promise<boolean> {
  const { rows } = await db.query<{ present: boolean }>(`select to_regclass($1) is not null as present`, [
    `${pg.escapeIdentifier(index.schemaname)}.${pg.escapeIdentifier(index.indexname)}`,
  ]);
  return rows[0]?.present === true;
}
