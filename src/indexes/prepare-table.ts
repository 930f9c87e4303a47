import { type Failure, toFailure } from '../errors/failure.ts';
import { SQLSTATE, sqlstateOf } from '../errors/sqlstate.ts';
import type { WriteOptions } from '../store/bucket-load/write-options.ts';
import { uniqueIdStatement } from '../store/describe-table.ts';
import { type IndexToRestore, isPrimaryKey, toRestoreStatement } from '../store/disabled-index/disabled-index.ts';
import { recordIndexChoice } from '../store/disabled-index/index-choice.ts';
import { holdPrimaryKey, tryHoldIndexesOff, tryRestoreIndexes } from '../store/disabled-index/table-lock.ts';
import { ensureResourceTable } from '../store/ensure-resource-table.ts';
import { findResourceTable, type ResourceTable, resolveHistory } from '../store/resource-tables.ts';
import { Statements } from '../store/statement.ts';
import { checkShape, checkVersions, UnfitTable } from '../store/table-shape.ts';
import { chooseIndexes } from './choose-indexes.ts';
import { disableIndexes } from './disable-indexes.ts';
import type { RestoreIndexOptions } from './restore-index.ts';
import { endRestore, restoreInOrder, type TableLocks } from './restore-table.ts';
import type { WhichIndexes } from './table-index.ts';

export interface PrepareTableOptions extends RestoreIndexOptions {
  /** Of the load's session. */
  session: TableLocks;
  bucket: string;
  type: string;
  write: WriteOptions;
  /** Estimate of the ndjson that comes for the table, in bytes: what a load that may choose drops indexes by. */
  incoming: number;
  /** Indexes that stand are not dropped. */
  keepsIndexes: boolean;
  /** On Citus: whether missing tables are created as distributed ones. */
  distributeTables: boolean;
}

/** What a load can do with the files of a resource type. */
export type TableState =
  | {
      kind: 'ready';
      /** Its indexes are dropped, and stay so until this load leaves the table. */
      indexesOff?: boolean;
    }
  /** Nothing yet: another load has dropped the primary key, or makes the table's indexes right now. */
  | { kind: 'later'; until: string }
  /** Nothing: the primary key is missing, and rows contradict it. The files stay in the queue. */
  | { kind: 'primary-key-missing' }
  /** Fail them: the table cannot be made, or cannot hold resources as they are. */
  | { kind: 'unusable'; failure: Failure };

/** What is wrong with such a table, and how to mend it. */
export const NO_KEY =
  'it has no primary key on id alone, so that duplicates would pass unseen; add one, or call with drop-primary-key?';

/** A table that is dropped or renamed time and again under the look at it is somebody's doing. */
const MOST_LOOKS = 3;

/**
 * Prepares a type's table for the load: creates it where it is absent, restores indexes that an earlier load left
 * dropped, and drops those that this one wants dropped. A load that wants the primary key never runs
 * without it: duplicates would pass unseen, and `upsert?` would find no rows. A table whose columns would take rows for
 * something else is left alone, and one that is dropped or renamed meanwhile is looked for anew.
 * @throws what keeps Postgres from it for now: a lost connection, a deadlock
 */
export async function prepareTable(options: PrepareTableOptions): Promise<TableState> {
  for (let look = 1; ; look++) {
    try {
      return await prepareOnce(options);
    } catch (error) {
      if (!isGone(error)) throw error;
      if (look < MOST_LOOKS) continue;
      // Otherwise it is a table of the loader's own that is missing, which is no fault of the files.
      if ((await findResourceTable(options.pool, options.type)).table !== undefined) throw error;
      const failure = toFailure(error);
      return {
        kind: 'unusable',
        failure: { ...failure, message: `${failure.message} (preparing the table of ${options.type})` },
      };
    }
  }
}

/** Whether a statement named a table, or its schema, that was there a moment before. */
function isGone(error: unknown): boolean {
  const sqlstate = sqlstateOf(error);
  return sqlstate === SQLSTATE.undefinedTable || sqlstate === SQLSTATE.undefinedSchema;
}

async function prepareOnce(options: PrepareTableOptions): Promise<TableState> {
  const { pool, session, log, bucket, type, write, signal } = options;
  let table: ResourceTable;
  try {
    table = await ensureResourceTable(pool, type, { distribute: options.distributeTables });
    await checkShape(pool, table);
    if (write.history) await checkVersions(pool, table, await resolveHistory(pool, type));
  } catch (error) {
    const failure = toFailure(error);
    if (error instanceof UnfitTable) return { kind: 'unusable', failure };
    if (failure.transient || failure.source !== 'postgres' || isGone(error)) throw error;
    return { kind: 'unusable', failure: { ...failure, message: `${failure.message} (making the table of ${type})` } };
  }
  if (!write.dropPrimaryKey) await session.do((connection) => holdPrimaryKey(connection, table));
  const which = { primaryKey: write.dropPrimaryKey, others: await wantsOthersDropped(options, table) };
  const { state, hasKey } = await bringBackWanted(options, table, which);
  if (state.kind === 'ready' && !write.dropPrimaryKey && !hasKey) {
    return { kind: 'unusable', failure: toFailure(new UnfitTable(table, [NO_KEY])) };
  }
  const isToDrop = (which.others || which.primaryKey) && !options.keepsIndexes;
  if (state.kind !== 'ready' || signal.aborted || !isToDrop) return state;
  if (!(await session.do((connection) => tryHoldIndexesOff(connection, table)))) {
    return { kind: 'later', until: `another load has restored the indexes of ${table.name}` };
  }
  await disableIndexes({
    pool,
    bucket,
    table,
    signal,
    which,
    onKept: (reason) => log.warn({ table: table.name, reason }, 'index kept'),
    onNone: () => log.info({ table: table.name }, 'no index to drop'),
  });
  return { kind: 'ready', indexesOff: true };
}

/**
 * Restores the table's dropped indexes that this load does not want dropped, unless another load does.
 * @returns what can be done with the table then, and whether a unique index on `id` alone covers its rows
 */
async function bringBackWanted(
  options: PrepareTableOptions,
  table: ResourceTable,
  dropped: WhichIndexes,
): Promise<{ state: TableState; hasKey: boolean }> {
  const { session } = options;
  const { missing, hasKey } = await lookAtIndexes(options, table, dropped);
  if (missing.length === 0) return { state: { kind: 'ready' }, hasKey };
  const key = missing.find(isPrimaryKey)?.index.indexname;
  if (!(await session.do((connection) => tryRestoreIndexes(connection, table)))) {
    const later = { kind: 'later', until: `another load has restored ${key}` } as const;
    return { state: key === undefined ? { kind: 'ready' } : later, hasKey };
  }
  try {
    await restoreInOrder(options, missing);
  } finally {
    await session.do((connection) => endRestore(connection, table));
  }
  const now = await lookAtIndexes(options, table, dropped);
  const kind = now.missing.some(isPrimaryKey) ? 'primary-key-missing' : 'ready';
  return { state: { kind }, hasKey: now.hasKey };
}

/** The table's dropped indexes that this load does not want dropped, and whether a unique index on `id` alone covers its rows. */
async function lookAtIndexes(
  { pool }: PrepareTableOptions,
  table: ResourceTable,
  dropped: WhichIndexes,
): Promise<{ missing: IndexToRestore[]; hasKey: boolean }> {
  const statements = new Statements();
  const indexes = statements.add(toRestoreStatement([table]));
  const hasKey = statements.add(uniqueIdStatement(table));
  await statements.send(pool);
  const missing = indexes().filter((index) => (isPrimaryKey(index) ? !dropped.primaryKey : !dropped.others));
  return { missing, hasKey: hasKey() };
}

/** Whether the load wants the table's indexes besides its key dropped, or left so; a choice is recorded. */
async function wantsOthersDropped(
  { pool, log, bucket, type, write, incoming, keepsIndexes }: PrepareTableOptions,
  table: ResourceTable,
): Promise<boolean> {
  if (write.disableIndexes !== 'auto') return write.disableIndexes;
  if (keepsIndexes) return true;
  const choice = await chooseIndexes(pool, table, incoming);
  if (choice === undefined) return false;
  log.info({ type, ...choice }, 'indexes chosen by size');
  await recordIndexChoice(pool, bucket, table, choice);
  return choice.dropped;
}
