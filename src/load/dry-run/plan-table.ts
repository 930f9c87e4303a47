import { NO_KEY } from '../../indexes/prepare-table.ts';
import type { WriteOptions } from '../../store/bucket-load/write-options.ts';
import { hasUniqueId } from '../../store/describe-table.ts';
import { isPrimaryKey, listIndexesToRestore } from '../../store/disabled-index/disabled-index.ts';
import type { Queryable } from '../../store/query.ts';
import { type ResourceTable, resolveTables, tableName } from '../../store/resource-tables.ts';
import { shapeProblems } from '../../store/table-shape.ts';
import { findSchemaForTables, missingPrivileges, readTableSize, type TableSize } from '../../store/table-size.ts';

/** The table of a resource type, as a load would find it. */
export interface TablePlan {
  /** With its schema. */
  name: string;
  exists: boolean;
  /** What keeps files from being loaded into it; each a phrase. */
  problems: string[];
  size: TableSize | undefined;
}

/** Looks at the table of a type as a load would before its first file, and changes nothing. */
export async function planTable(db: Queryable, type: string, write: WriteOptions): Promise<TablePlan> {
  const [table] = await resolveTables(db, [type]);
  if (table === undefined) {
    const { schema, mayCreate } = await findSchemaForTables(db);
    const problem = `it does not exist, and the role may not create tables in schema ${schema}`;
    const name = `${schema}.${tableName(type)}`;
    return { name, exists: false, problems: mayCreate ? [] : [problem], size: undefined };
  }
  const problems = [
    ...(await shapeProblems(db, table)),
    ...(write.dropPrimaryKey || (await hasKeyAtLoad(db, type, table)) ? [] : [NO_KEY]),
    ...(await missingPrivileges(db, table, write.upsert ? ['select', 'insert', 'update'] : ['insert'])).map(
      (privilege) => `the role may not ${privilege} there`,
    ),
  ];
  return { name: `${table.schema}.${table.name}`, exists: true, problems, size: await readTableSize(db, table) };
}

/** Whether the key is there, or is one that a load would restore. */
async function hasKeyAtLoad(db: Queryable, type: string, table: ResourceTable): Promise<boolean> {
  return (await hasUniqueId(db, table)) || (await listIndexesToRestore(db, { types: [type] })).some(isPrimaryKey);
}
