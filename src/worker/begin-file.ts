import type pg from 'pg';
import { TRANSACTION } from '../store/commit-end.ts';
import { DROPPED_KEYS } from '../store/disabled-index/disabled-index.ts';
import { holdKeyStatement } from '../store/disabled-index/table-lock.ts';
import { COMMIT_LAZILY } from '../store/durability.ts';
import { lockStatements } from '../store/loader-file/queue.ts';
import { type ResourceTable, resolvedTable, resolveTable } from '../store/resource-tables.ts';
import { type Statement, Statements } from '../store/statement.ts';
import { NUMBER } from '../store/transaction-stamps.ts';
import { preparedStatement } from '../target/partitioned/prepared-transaction.ts';
import { hasKey } from './primary-key.ts';

export interface BeginFileOptions {
  /** The LoaderFile's id. */
  id: string;
  /** The type whose table the rows go to; undefined where the lines name the tables. */
  type: string | undefined;
  requiresPrimaryKey: boolean;
  /** Whether the commit may return before it is on disk: where it is lost, so is all that the transaction has written. */
  isLazy: boolean;
}

/** How the transaction of a file has begun. */
export interface Beginning {
  /** Whether it has the LoaderFile locked, and may load it. */
  isLocked: boolean;
  /** Whether earlier attempts have left prepared transactions. */
  hasLeftovers: boolean;
  /** Undefined where the lines name the tables. */
  table: ResourceTable | undefined;
  /** Whether the table's primary key stands and stays until the end of the transaction, where that is required. */
  hasKey: boolean;
}

const BEGIN: Statement<void> = { text: 'begin', read: () => {} };

/**
 * Begins the transaction of a file, locks its LoaderFile, and finds out what has to be known before its rows, in one message.
 * @throws what Postgres answers; 42P01 where the type has no table
 */
export async function beginFile(
  client: pg.ClientBase,
  { id, type, requiresPrimaryKey, isLazy }: BeginFileOptions,
): Promise<Beginning> {
  const statements = new Statements();
  statements.add(BEGIN);
  const { lock, isDecided } = lockStatements(id, ['in-progress']);
  const locked = statements.add(lock);
  const decided = statements.add(isDecided);
  const prepared = statements.add(preparedStatement(id));
  const tableOf = type === undefined ? undefined : addTable(statements, type, requiresPrimaryKey);
  if (isLazy) statements.add(COMMIT_LAZILY);
  await statements.send(client);
  const beginning = { isLocked: locked() && !decided(), hasLeftovers: prepared().length > 0 };
  if (!beginning.isLocked || type === undefined) return { ...beginning, table: undefined, hasKey: true };
  const found = tableOf?.();
  if (found !== undefined) return { ...beginning, ...found };
  // Postgres says in its own words that there is none, unless it was created a moment ago.
  const table = await resolveTable(client, type);
  return { ...beginning, table, hasKey: !requiresPrimaryKey || (await hasKey(client, table)) };
}

/** The lock on the key comes before the look at it, so that the look is not outdated. */
function addTable(
  statements: Statements,
  type: string,
  requiresPrimaryKey: boolean,
): () => { table: ResourceTable; hasKey: boolean } | undefined {
  if (!requiresPrimaryKey) {
    const table = statements.add(resolvedTable(type));
    return () => {
      const found = table();
      return found && { table: found, hasKey: true };
    };
  }
  const holding = statements.add(holdKeyStatement(type));
  const droppedKeys = statements.add(DROPPED_KEYS);
  return () => {
    const found = holding();
    if (found === undefined) return undefined;
    const { table, held } = found;
    const isDropped = droppedKeys().some(({ schema, name }) => schema === table.schema && name === table.name);
    return { table, hasKey: held && !isDropped };
  };
}

/** Sets the savepoint to which a file that fails, or a batch, goes back. */
export const SAVEPOINT: Statement<void> = { text: 'savepoint no_rows', read: () => {} };

/**
 * Sets the savepoint, and takes the file's number.
 * @returns the number, the process id of the backend, and the transaction, for `hasCommitted`
 */
export async function numberFile(client: pg.ClientBase): Promise<{ txid: bigint; pid: number; transaction: string }> {
  const statements = new Statements();
  statements.add(SAVEPOINT);
  const number = statements.add(NUMBER);
  const transaction = statements.add(TRANSACTION);
  await statements.send(client);
  return { ...number(), transaction: transaction() };
}
