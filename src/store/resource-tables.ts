import pg from 'pg';
import type { Queryable } from './query.ts';
import { ask, type Statement, Statements } from './statement.ts';

/** Tables of Aidbox's shape that hold the loader's own records; a file never loads into them. */
export const OWN_TABLES = ['loaderfile', 'disabledindex', 'loadererror'];

/**
 * A table as Postgres resolved its name along the search_path. All statements of one piece of work use one resolution:
 * two of them could otherwise mean two tables.
 */
export interface ResourceTable {
  schema: string;
  /** The resource type in lowercase, as Aidbox names its tables. */
  name: string;
}

/** The table of a resource type: its name in lowercase, as Aidbox names its tables. */
export function tableName(resourceType: string): string {
  return resourceType.toLowerCase();
}

/** The table of a resource type, quoted for use in a statement; Postgres resolves it along the search_path. */
export function quotedTable(resourceType: string): string {
  return pg.escapeIdentifier(tableName(resourceType));
}

/** The table's name with its schema, quoted for use in a statement. */
export function qualifiedName({ schema, name }: ResourceTable): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
}

/** The tables that the names of these resource types mean; types without a table have none. */
export async function resolveTables(db: Queryable, types: readonly string[]): Promise<ResourceTable[]> {
  // A LoaderFile that Aidbox wrote may have no type.
  return await resolve(db, types.filter((type) => type !== '').map(quotedTable));
}

/** The tables that names mean, as Postgres answers it. */
function resolved(quoted: readonly string[]): Statement<ResourceTable[]> {
  return {
    text: `select distinct n.nspname as schema, c.relname as name
       from unnest($1::text[]) as wanted
       join pg_class c on c.oid = to_regclass(wanted) join pg_namespace n on n.oid = c.relnamespace`,
    values: [quoted],
    read: ({ rows }: pg.QueryResult<ResourceTable>) => rows,
  };
}

/** The table that a type's name means, if there is one. */
export function resolvedTable(resourceType: string): Statement<ResourceTable | undefined> {
  return firstResolved(quotedTable(resourceType));
}

function firstResolved(quoted: string): Statement<ResourceTable | undefined> {
  const { read, ...statement } = resolved([quoted]);
  return { ...statement, read: (answer) => read(answer)[0] };
}

async function resolve(db: Queryable, quoted: readonly string[]): Promise<ResourceTable[]> {
  return await ask(db, resolved(quoted));
}

/**
 * Every table of Aidbox's shape that an unqualified name means, but for the loader's own and the history twins.
 * @returns table names, lowercase
 */
export async function listResourceTables(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ table: string }>(
    `select c.relname as table
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where pg_table_is_visible(c.oid) and c.relpersistence <> 't' and c.relkind in ('r', 'p')
        and right(c.relname, 8) <> '_history' and c.relname <> all ($1)
        and a.attname in ('id', 'txid', 'ts', 'cts', 'resource_type', 'status', 'resource')
      group by c.relname
     having count(*) = 7`,
    [OWN_TABLES],
  );
  return rows.map((row) => row.table);
}

/**
 * How an existing table spells its type: as its rows do, or while it is empty as the default of `resource_type` does
 * (Aidbox's tables have one). Undefined when neither shows it.
 */
export async function spellingOfType(db: Queryable, table: string): Promise<string | undefined> {
  const quoted = pg.escapeIdentifier(table);
  // Two statements: Citus need not plan a distributed table and the catalogue in one.
  const used = await db.query<{ resource_type: string }>(
    `select resource_type from ${quoted} where resource_type is not null limit 1`,
  );
  if (used.rows[0] !== undefined) return used.rows[0].resource_type;
  const declared = await db.query<{ resource_type: string | null }>(
    `select substring(pg_get_expr(d.adbin, d.adrelid) from '^''([A-Za-z]+)''::text$') as resource_type
       from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
      where d.adrelid = $1::regclass and a.attname = 'resource_type'`,
    [quoted],
  );
  return declared.rows[0]?.resource_type ?? undefined;
}

/** Finds the table of a resource type and its history twin, where they are. */
export async function findResourceTable(
  db: Queryable,
  resourceType: string,
): Promise<{ table: ResourceTable | undefined; history: ResourceTable | undefined }> {
  const statements = new Statements();
  const table = statements.add(resolvedTable(resourceType));
  const history = statements.add(firstResolved(pg.escapeIdentifier(`${tableName(resourceType)}_history`)));
  await statements.send(db);
  return { table: table(), history: history() };
}

/**
 * The table of a resource type's former versions.
 * @throws pg.DatabaseError 42P01 where there is none
 */
export async function resolveHistory(db: Queryable, resourceType: string): Promise<ResourceTable> {
  return await resolveOne(db, pg.escapeIdentifier(`${tableName(resourceType)}_history`));
}

/**
 * The table that a type's name means.
 * @throws pg.DatabaseError 42P01 where there is none
 */
export async function resolveTable(db: Queryable, resourceType: string): Promise<ResourceTable> {
  return await resolveOne(db, quotedTable(resourceType));
}

async function resolveOne(db: Queryable, quoted: string): Promise<ResourceTable> {
  const [table] = await resolve(db, [quoted]);
  if (table !== undefined) return table;
  // Postgres says so in its own words.
  await db.query('select $1::regclass', [quoted]);
  throw new Error(`${quoted} cannot be resolved`);
}
