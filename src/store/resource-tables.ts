import pg from 'pg';
import type { Queryable } from './query.ts';

/** Tables of Aidbox's shape that hold the loader's own records; a file never loads into them. */
const OWN_TABLES = ['loaderfile', 'disabledindex', 'loadererror'];

/** The table of a resource type: its name in lowercase (contract: "How a resource is stored"). */
export function tableName(resourceType: string): string {
  return resourceType.toLowerCase();
}

/** The table of a resource type, quoted for use in a statement. */
export function quotedTable(resourceType: string): string {
  return pg.escapeIdentifier(tableName(resourceType));
}

/**
 * Every table of Aidbox's shape in the current schema, but for the loader's own and the history twins.
 * @returns table names, lowercase
 */
export async function listResourceTables(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ table: string }>(
    `select c.relname as table
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
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
 * (Aidbox's tables have one). Undefined when neither tells.
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

/**
 * Creates the table of a resource type and its history twin where they are absent; existing ones stay untouched.
 * Two replicas that do so at once take turns.
 */
export async function ensureResourceTable(db: Queryable, resourceType: string): Promise<void> {
  const { rows } = await db.query<{ present: boolean }>(
    `select bool_and(to_regclass(name) is not null) as present from unnest($1::text[]) as name`,
    [[quotedTable(resourceType), pg.escapeIdentifier(`${tableName(resourceType)}_history`)]],
  );
  if (rows[0]?.present === true) return;
  const columns = `txid bigint not null,
    ts timestamptz default current_timestamp,
    cts timestamptz default current_timestamp,
    resource_type text default ${pg.escapeLiteral(resourceType)},
    status resource_status not null,
    resource jsonb not null`;
  const table = quotedTable(resourceType);
  const history = pg.escapeIdentifier(`${tableName(resourceType)}_history`);
  // One simple-protocol query is one transaction; the lock ends with it.
  await db.query(
    `select pg_advisory_xact_lock(hashtextextended(${pg.escapeLiteral(`fhir-bucket-loader table ${table}`)}, 0));
     create table if not exists ${table} (id text primary key, ${columns});
     create table if not exists ${history} (id text, ${columns}, primary key (id, txid));`,
  );
}
