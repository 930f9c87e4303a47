import type pg from 'pg';
import { SQLSTATE, sqlstateOf } from '../../errors/sqlstate.ts';
import { qualifiedName } from '../../store/resource-tables.ts';
import { laterTs, laterTxid } from '../version-number.ts';
import { differs } from './find-changes.ts';
import type { Fingerprints } from './fingerprints.ts';
import { type OverwriteOptions, overwriteDiffering } from './overwrite.ts';
import type { Stage } from './stage.ts';

/**
 * How long a statement that takes rows in no common order waits for somebody else's, in ms. Postgres looks for a deadlock after a second
 * (`deadlock_timeout`): by then this one has given way. Others that extend the same table are waited for by the same clock, hence not less.
 */
const LONGEST_WAIT_MS = 100;

/**
 * Does what `overwriteDiffering` does, for a file that the table holds in the order of its lines, whose rows are nearly all stored: written in
 * that order, a page of the table is read once, not once for each of its rows. Those that are stored are updated first, without the
 * lock that `on conflict` takes of each before; then others are inserted, if there are any.
 *
 * In the order of lines two files with the same ids could wait for each other for ever. So this one does not wait: what finds a row that
 * somebody else has written is undone.
 * @param rows of the stage
 * @returns undefined, and nothing is written, where somebody else is writing the same rows: they are to be written in the order of ids
 */
export async function overwriteInFileOrder(
  client: pg.ClientBase,
  options: Omit<OverwriteOptions, 'from'>,
  stage: Stage,
  rows: number,
  fingerprints: Fingerprints,
): Promise<{ created: number; updated: number } | undefined> {
  await client.query(`savepoint file_order; set local lock_timeout = ${LONGEST_WAIT_MS}`);
  try {
    const updated = await updateDiffering(client, options, stage);
    const others = updated < rows ? await overwriteDiffering(client, options, stage, fingerprints, true) : undefined;
    // That of the loader's sessions (`connection-options.ts`): the default would be the role's.
    await client.query('set local lock_timeout = 0; release savepoint file_order');
    return { created: others?.created ?? 0, updated: updated + (others?.updated ?? 0) };
  } catch (error) {
    const code = sqlstateOf(error);
    if (code !== SQLSTATE.lockNotAvailable && code !== SQLSTATE.deadlockDetected) throw error;
    await client.query('rollback to savepoint file_order; release savepoint file_order');
    return undefined;
  }
}

/** @returns how many rows were overwritten */
async function updateDiffering(
  client: pg.ClientBase,
  { table, type, txid }: Omit<OverwriteOptions, 'from'>,
  { name }: Stage,
): Promise<number> {
  // Row by row: Postgres knows nothing of the stage, and would hash or sort wide rows. Of the table itself, since of a subquery it keeps a copy of each row.
  await client.query('set local enable_hashjoin = off; set local enable_mergejoin = off');
  const { rowCount } = await client.query(
    `update ${qualifiedName(table)} t
        set txid = ${laterTxid('t.txid', '$1::bigint')}, ts = ${laterTs('t.ts', 's.ts')}, resource_type = $2,
            status = 'updated', resource = s.resource
       from ${name} s
      where t.id = s.id and ${differs('t', 's')}`,
    [txid.toString(), type],
  );
  await client.query('set local enable_hashjoin = default; set local enable_mergejoin = default');
  return rowCount ?? 0;
}
