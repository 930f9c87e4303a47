import pg from 'pg';
import type { DisabledIndex } from '../store/disabled-index/disabled-index.ts';
import type { Queryable } from '../store/query.ts';

/** Gives a rebuilt index the marks that it had before it was dropped. */
export async function markIndex(db: Queryable, index: DisabledIndex): Promise<void> {
  const { marks = {}, constraint } = index;
  const schema = pg.escapeIdentifier(index.schemaname);
  const table = `${schema}.${pg.escapeIdentifier(index.tablename)}`;
  const name = `${schema}.${pg.escapeIdentifier(index.indexname)}`;
  if (marks.comment !== undefined) {
    await db.query(`comment on index ${name} is ${pg.escapeLiteral(marks.comment)}`);
  }
  if (marks.constraintcomment !== undefined && constraint !== undefined) {
    const key = pg.escapeIdentifier(constraint.name);
    await db.query(`comment on constraint ${key} on ${table} is ${pg.escapeLiteral(marks.constraintcomment)}`);
  }
  for (const [column, target] of Object.entries(marks.statistics ?? {})) {
    await db.query(`alter index ${name} alter column ${column} set statistics ${target}`);
  }
  if (marks.clustered && !(await isClustered(db, table))) {
    await db.query(`alter table ${table} cluster on ${pg.escapeIdentifier(index.indexname)}`);
  }
}

/** Whether the table was set meanwhile to be clustered on another index. */
async function isClustered(db: Queryable, table: string): Promise<boolean> {
  const { rowCount } = await db.query('select from pg_index where indrelid = $1::regclass and indisclustered', [table]);
  return rowCount === 1;
}
