import { quotedTable } from '../../src/store/resource-tables.ts';
import { type BenchData, typesOf } from '../dataset/bench-data.ts';
import type { BenchDatabase } from '../postgres/bench-database.ts';

/** Puts all rows of the data, or every row whose id's hash falls below this percentage, into the tables. */
export async function fillTables({ client }: BenchDatabase, data: BenchData, percent = 100): Promise<void> {
  const columns = '(txid, resource_type, status, id, resource)';
  for (const { type, copyPath } of data.files) {
    const table = quotedTable(type);
    if (percent === 100) {
      await client.query(`copy ${table} ${columns} from '${copyPath}' (format binary)`);
      continue;
    }
    await client.query(`create temporary table staged (like ${table} including defaults)`);
    await client.query(`copy staged ${columns} from '${copyPath}' (format binary)`);
    await client.query(`insert into ${table} select * from staged where abs(mod(hashtext(id), 100)) < $1`, [percent]);
    await client.query('drop table staged');
  }
  for (const type of typesOf(data)) await client.query(`vacuum analyze ${quotedTable(type)}`);
}
