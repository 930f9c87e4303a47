import pg from 'pg';
import { type Distribution, distributeTable, distributionOf, isCitus } from './distributed-tables.ts';
import { inTransaction, type Queryable } from './query.ts';
import {
  findResourceTable,
  qualifiedName,
  quotedTable,
  type ResourceTable,
  resolveTable,
  tableName,
} from './resource-tables.ts';

/**
 * Creates the table of a resource type and its history twin where they are absent, both in one schema; existing ones
 * stay untouched. Two replicas that do so at once take turns.
 * @param options.distribute on Citus: whether what is created is distributed by `id`, the twin with its table
 * @returns the table that the type's name means from then on
 */
export async function ensureResourceTable(
  pool: pg.Pool,
  resourceType: string,
  { distribute }: { distribute: boolean },
): Promise<ResourceTable> {
  const { table, history } = await findResourceTable(pool, resourceType);
  if (table !== undefined && history !== undefined) return table;
  return await inTransaction(pool, (client) => createResourceTable(client, resourceType, { distribute }));
}

/** The same in a transaction of the caller's, until whose end others wait. */
export async function createResourceTable(
  client: Queryable,
  resourceType: string,
  { distribute }: { distribute: boolean },
): Promise<ResourceTable> {
  const lock = `fhir-bucket-loader table ${tableName(resourceType)}`;
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [lock]);
  // Only under the lock is it sure which are absent.
  const before = await findResourceTable(client, resourceType);
  await createAbsent(client, resourceType, before.table ?? before.history);
  if (distribute && (await isCitus(client))) await distributeCreated(client, resourceType, before);
  return await resolveTable(client, resourceType);
}

async function createAbsent(client: Queryable, resourceType: string, present: ResourceTable | undefined) {
  // An unqualified `create table if not exists` looks at the first schema of the search_path only.
  const place = present === undefined ? '' : `${pg.escapeIdentifier(present.schema)}.`;
  const columns = `txid bigint not null,
    ts timestamptz default current_timestamp,
    cts timestamptz default current_timestamp,
    resource_type text default ${pg.escapeLiteral(resourceType)},
    status resource_status not null,
    resource jsonb not null`;
  const table = `${place}${quotedTable(resourceType)}`;
  const history = `${place}${pg.escapeIdentifier(`${tableName(resourceType)}_history`)}`;
  await client.query(`create table if not exists ${table} (id text primary key, ${columns})`);
  await client.query(`create table if not exists ${history} (id text, ${columns}, primary key (id, txid))`);
}

/** One that was there stays as it is, and the other one follows it. */
async function distributeCreated(
  client: Queryable,
  resourceType: string,
  before: Awaited<ReturnType<typeof findResourceTable>>,
): Promise<void> {
  const { table, history } = await findResourceTable(client, resourceType);
  if (table === undefined || history === undefined) throw new Error(`the table of ${resourceType} was not created`);
  const present = before.table ?? before.history;
  if (present !== undefined && !isById(await distributionOf(client, present))) return;
  // In a schema that is distributed as a whole, Citus has placed them already.
  if (before.table === undefined && (await distributionOf(client, table)) === 'local') {
    const colocateWith = before.history === undefined ? 'default' : qualifiedName(before.history);
    await distributeTable(client, table, { colocateWith });
  }
  if (before.history === undefined && (await distributionOf(client, history)) === 'local') {
    await distributeTable(client, history, { colocateWith: qualifiedName(table) });
  }
}

function isById(distribution: Distribution): boolean {
  return typeof distribution === 'object' && distribution.column === 'id';
}
