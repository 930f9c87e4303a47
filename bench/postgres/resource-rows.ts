import type pg from 'pg';
import { ensureResourceTable, quotedTable } from '../../src/db/resource-tables.ts';
import { type BenchData, typesOf } from '../dataset/bench-data.ts';

export type Compression = 'pglz' | 'lz4';

/**
 * Makes the state that every run starts from: the tables of the data's types, empty, with their primary keys and this
 * compression; no LoaderFile; and nothing left for the checkpointer to write.
 */
export async function resetTables(client: pg.Client, data: BenchData, compression: Compression): Promise<void> {
  const loaderTables = 'loaderfile, disabledindex, loadererror, fhir_bucket_loader.bucket_load';
  await client.query(`truncate ${loaderTables}`);
  for (const type of typesOf(data)) {
    await client.query(`drop table if exists ${quotedTable(type)}`);
    await ensureResourceTable(client, type);
    await client.query(`alter table ${quotedTable(type)} alter column resource set compression ${compression}`);
  }
  await client.query('checkpoint');
}

/** Count and checksum of a table's rows, whatever their order. */
export interface TableSum {
  rows: number;
  ids: string;
  resources: string;
}

/** What the tables of the data's types hold, by type. */
export async function sumTables(client: pg.Client, data: BenchData): Promise<Map<string, TableSum>> {
  const sums = new Map<string, TableSum>();
  for (const type of typesOf(data)) {
    const { rows } = await client.query<TableSum>(
      `select count(*)::int as rows, sum(hashtextextended(id, 0)::numeric) as ids,
              sum(jsonb_hash_extended(resource, 0)::numeric) as resources
         from ${quotedTable(type)} where status = 'created'`,
    );
    if (rows[0] !== undefined) sums.set(type, rows[0]);
  }
  return sums;
}

/** Whether every table that the data goes into has its primary key. */
export async function checkKeys(client: pg.Client, data: BenchData): Promise<void> {
  for (const type of typesOf(data)) {
    const { rowCount } = await client.query(
      `select from pg_constraint where conrelid = $1::regclass and contype = 'p' and convalidated`,
      [quotedTable(type)],
    );
    if (rowCount !== 1) throw new Error(`table ${type} has no primary key after the load`);
  }
}

/** Compares the rows of different contenders: each must have loaded what the first one of the same data did. */
export class RowCheck {
  readonly #seen = new Map<string, { by: string; sums: ReadonlyMap<string, TableSum> }>();

  /** @throws when the tables hold other rows than the data has, or than an earlier contender loaded */
  async check(client: pg.Client, data: BenchData, by: string): Promise<void> {
    const sums = await sumTables(client, data);
    for (const type of typesOf(data)) {
      const expected = data.files.reduce((rows, file) => rows + (file.type === type ? file.rows : 0), 0);
      const found = sums.get(type)?.rows;
      if (found !== expected) throw new Error(`${by} loaded ${found} of ${expected} rows of ${type}`);
    }
    await checkKeys(client, data);
    const first = this.#seen.get(data.name);
    if (first === undefined) {
      this.#seen.set(data.name, { by, sums });
      return;
    }
    for (const [type, sum] of sums) {
      if (JSON.stringify(first.sums.get(type)) === JSON.stringify(sum)) continue;
      throw new Error(`${by} and ${first.by} loaded different rows of ${type}`);
    }
  }
}
