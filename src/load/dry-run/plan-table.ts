import { chooseIndexes } from '../../indexes/choose-indexes.ts';
import { NO_KEY } from '../../indexes/prepare-table.ts';
import type { WriteOptions } from '../../store/bucket-load/write-options.ts';
import { hasUniqueId } from '../../store/describe-table.ts';
import { isPrimaryKey, listIndexesToRestore } from '../../store/disabled-index/disabled-index.ts';
import type { Queryable } from '../../store/query.ts';
import { findResourceTable, type ResourceTable, tableName } from '../../store/resource-tables.ts';
import { shapeProblems, versionProblems } from '../../store/table-shape.ts';
import {
  findSchemaForTables,
  mayStage,
  missingPrivileges,
  readTableSize,
  type TableSize,
} from '../../store/table-size.ts';

/** The table of a resource type, as a load would find it. */
export interface TablePlan {
  /** With its schema. */
  name: string;
  exists: boolean;
  /** What keeps files from being loaded into it; each a phrase. */
  problems: string[];
  size: TableSize | undefined;
  /** What becomes of its indexes, where a load may choose. */
  choice?: { indexes: 'dropped' | 'kept'; reason: string };
}

/**
 * Looks at the table of a type as a load would before its first file, and changes nothing.
 * @param incoming ndjson that comes for it, in bytes
 */
export async function planTable(
  db: Queryable,
  type: string,
  write: WriteOptions,
  incoming: number,
): Promise<TablePlan> {
  const { table, history } = await findResourceTable(db, type);
  const staged = write.upsert && !(await mayStage(db)) ? [NO_STAGE] : [];
  const present = table ?? history;
  const schema = await findSchemaForTables(db, present?.schema);
  if (table === undefined) {
    const name = `${schema.name}.${tableName(type)}`;
    return { name, exists: false, problems: [...absentProblems('it', schema), ...staged], size: undefined };
  }
  const problems = [
    ...(await shapeProblems(db, table)),
    ...(write.dropPrimaryKey || (await hasKeyAtLoad(db, type, table)) ? [] : [NO_KEY]),
    ...(await privilegeProblems(
      db,
      table,
      write.upsert || write.history ? ['select', 'insert', 'update'] : ['select', 'insert'],
    )),
    ...(await historyProblems(db, {
      table,
      history,
      schema,
      needs: !write.history ? [] : write.upsert ? KEEP_VERSIONS : ['select'],
    })),
    ...staged,
  ];
  const choice = write.disableIndexes === 'auto' ? await chooseIndexes(db, table, incoming) : undefined;
  return {
    name: nameOf(table),
    exists: true,
    problems: [...new Set(problems)],
    size: await readTableSize(db, table),
    ...(choice && { choice: { indexes: choice.dropped ? 'dropped' : 'kept', reason: choice.reason } }),
  };
}

/** What keeps rows of a type from being deleted, as files in `deleted/` of that name do; each a phrase. */
export async function deletionProblems(db: Queryable, type: string, write: WriteOptions): Promise<string[]> {
  const { table, history } = await findResourceTable(db, type);
  if (!(await mayStage(db))) return [NO_STAGE];
  // Nothing of it is there: all of them are missing, and no table is made.
  if (table === undefined) return [];
  const schema = await findSchemaForTables(db, table.schema);
  const problems = [
    ...(await shapeProblems(db, table)),
    ...(await privilegeProblems(db, table, ['select', 'update', 'delete'])),
    ...(write.history ? await historyProblems(db, { table, history, schema, needs: KEEP_VERSIONS }) : []),
  ];
  return [...new Set(problems)].map((problem) => `${nameOf(table)}: ${problem}`);
}

const NO_STAGE = 'the role may not make temporary tables in the database';

interface Schema {
  name: string;
  mayCreate: boolean;
}

interface HistoryToCheck {
  table: ResourceTable;
  history: ResourceTable | undefined;
  schema: Schema;
  /** What the role must be allowed there: nothing where versions are not looked at; a load creates the table in any case. */
  needs: readonly ('select' | 'insert')[];
}

/** Versions go there, after those that are there. */
const KEEP_VERSIONS = ['select', 'insert'] as const;

async function historyProblems(db: Queryable, { table, history, schema, needs }: HistoryToCheck): Promise<string[]> {
  if (history === undefined) return absentProblems(`${table.name}_history`, schema);
  if (needs.length === 0) return [];
  const problems = await versionProblems(db, table, history);
  const ofHistory = [...problems.history, ...(await privilegeProblems(db, history, needs))];
  return [...problems.table, ...ofHistory.map((problem) => `${history.name}: ${problem}`)];
}

function absentProblems(what: string, { name, mayCreate }: Schema): string[] {
  return mayCreate ? [] : [`${what} does not exist, and the role may not create tables in schema ${name}`];
}

async function privilegeProblems(db: Queryable, table: ResourceTable, wanted: readonly string[]): Promise<string[]> {
  return (await missingPrivileges(db, table, wanted)).map((privilege) => `the role may not ${privilege} there`);
}

function nameOf({ schema, name }: ResourceTable): string {
  return `${schema}.${name}`;
}

/** Whether the key is there, or is one that a load would restore. */
async function hasKeyAtLoad(db: Queryable, type: string, table: ResourceTable): Promise<boolean> {
  return (await hasUniqueId(db, table)) || (await listIndexesToRestore(db, { types: [type] })).some(isPrimaryKey);
}
