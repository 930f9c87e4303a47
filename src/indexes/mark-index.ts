import pg from 'pg';
import { postgresMessage } from '../errors/postgres-message.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';
import type { DisabledIndex } from '../store/disabled-index/disabled-index.ts';
import type { Queryable } from '../store/query.ts';

/**
 * Gives a rebuilt index the marks that it had before it was dropped; to be called in a transaction. One that Postgres does
 * not support for this table is left out: Citus takes no CLUSTER ON for a distributed table, whose index may have been
 * marked before it was distributed.
 * @returns a sentence for each mark that was left out
 */
export async function markIndex(db: Queryable, index: DisabledIndex): Promise<string[]> {
  const { marks = {}, constraint } = index;
  const schema = pg.escapeIdentifier(index.schemaname);
  const table = `${schema}.${pg.escapeIdentifier(index.tablename)}`;
  const name = `${schema}.${pg.escapeIdentifier(index.indexname)}`;
  const statements: string[] = [];
  if (marks.comment !== undefined) {
    statements.push(`comment on index ${name} is ${pg.escapeLiteral(marks.comment)}`);
  }
  if (marks.constraintcomment !== undefined && constraint !== undefined) {
    const key = pg.escapeIdentifier(constraint.name);
    statements.push(`comment on constraint ${key} on ${table} is ${pg.escapeLiteral(marks.constraintcomment)}`);
  }
  for (const [column, target] of Object.entries(marks.statistics ?? {})) {
    statements.push(`alter index ${name} alter column ${column} set statistics ${target}`);
  }
  if (marks.clustered && !(await isClustered(db, table))) {
    statements.push(`alter table ${table} cluster on ${pg.escapeIdentifier(index.indexname)}`);
  }
  const refused: string[] = [];
  for (const statement of statements) {
    const reason = await tryMark(db, statement);
    if (reason !== undefined) refused.push(`restored without "${statement}": ${reason}`);
  }
  return refused;
}

/** @returns why Postgres does not support it, or undefined */
async function tryMark(db: Queryable, statement: string): Promise<string | undefined> {
  await db.query('savepoint one_mark');
  try {
    await db.query(statement);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== SQLSTATE.featureNotSupported) throw error;
    await db.query('rollback to savepoint one_mark');
    return postgresMessage(error);
  }
  await db.query('release savepoint one_mark');
  return undefined;
}

/** Whether the table was set meanwhile to be clustered on another index. */
async function isClustered(db: Queryable, table: string): Promise<boolean> {
  const { rowCount } = await db.query('select from pg_index where indrelid = $1::regclass and indisclustered', [table]);
  return rowCount === 1;
}
