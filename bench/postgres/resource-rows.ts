import type pg from 'pg';
import { createResourceTable } from '../../src/store/ensure-resource-table.ts';
import { quotedTable } from '../../src/store/resource-tables.ts';
import { type BenchData, typesOf } from '../dataset/bench-data.ts';

export type Compression = 'pglz' | 'lz4';

/**
 * Makes the state that every run starts from: the tables of the data's types, empty, with their primary keys and this
 * compression; no LoaderFile; and nothing left for the checkpointer to write.
 */
export async function resetTables(client: pg.Client, data: BenchData, compression: Compression): Promise<void> {
  // Trees that are compared may not have all of the loader's own tables.
  const { rows } = await client.query<{ names: string }>(
    `select string_agg(oid::regclass::text, ', ') as names from pg_class
      where relkind = 'r' and (oid::regclass::text = any ('{loaderfile,disabledindex,loadererror}')
         or relnamespace = to_regnamespace('fhir_bucket_loader') and left(relname, 14) <> 'schema_version')`,
  );
  if (rows[0] !== undefined) await client.query(`truncate ${rows[0].names} cascade`);
  for (const type of typesOf(data)) {
    await client.query(`drop table if exists ${quotedTable(type)}`);
    await client.query('begin');
    await createResourceTable(client, type, { distribute: false });
    await client.query('commit');
    await client.query(`alter table ${quotedTable(type)} alter column resource set compression ${compression}`);
  }
  await client.query('checkpoint');
}

/** Count and checksum of a table's rows, whatever their order. */
interface TableSum {
  rows: number;
  ids: string;
  resources: string;
}

/** What the tables hold, by type. */
async function sumTables(client: pg.Client, types: readonly string[]): Promise<Map<string, TableSum>> {
  const sums = new Map<string, TableSum>();
  for (const type of types) {
    const { rows } = await client.query<TableSum>(
      `select count(*)::int as rows, sum(hashtextextended(id, 0)::numeric) as ids,
              sum(jsonb_hash_extended(resource, 0)::numeric) as resources
         from ${quotedTable(type)}`,
    );
    if (rows[0] !== undefined) sums.set(type, rows[0]);
  }
  return sums;
}

async function checkKeys(client: pg.Client, types: readonly string[]): Promise<void> {
  for (const type of types) {
    const { rowCount } = await client.query(
      `select from pg_constraint where conrelid = $1::regclass and contype = 'p' and convalidated`,
      [quotedTable(type)],
    );
    if (rowCount !== 1) throw new Error(`table ${type} has no primary key after the load`);
  }
}

/** Compares the rows of different contenders: each must leave what the first one of the same data did. */
export class RowCheck {
  readonly #seen = new Map<string, { by: string; sums: ReadonlyMap<string, TableSum> }>();

  /**
   * @param data all that the tables should hold
   * @param form of the rows; those of another one are not compared
   * @throws when they hold other rows, or other ones than after an earlier contender, or have lost their keys
   */
  async check(client: pg.Client, data: readonly BenchData[], by: string, form = ''): Promise<void> {
    const files = data.flatMap((one) => one.files);
    const types = [...new Set(files.map((file) => file.type))];
    const sums = await sumTables(client, types);
    for (const type of types) {
      const expected = files.reduce((rows, file) => rows + (file.type === type ? file.rows : 0), 0);
      const found = sums.get(type)?.rows;
      if (found !== expected) throw new Error(`after ${by} there are ${found} of ${expected} rows of ${type}`);
    }
    await checkKeys(client, types);
    const key = `${data.map(({ name }) => name).join()} ${form}`;
    const first = this.#seen.get(key);
    if (first === undefined) {
      this.#seen.set(key, { by, sums });
      return;
    }
    for (const [type, sum] of sums) {
      if (JSON.stringify(first.sums.get(type)) === JSON.stringify(sum)) continue;
      throw new Error(`${by} and ${first.by} loaded different rows of ${type}`);
    }
  }
}
