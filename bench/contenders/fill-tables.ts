import { quotedTable } from '../../src/store/resource-tables.ts';
import { type BenchData, typesOf } from '../dataset/bench-data.ts';
import type { BenchDatabase } from '../postgres/bench-database.ts';

/**
 * Puts the rows of the data into the tables.
 * @param changed percentage of the rows, by their ids' hashes, that are stored otherwise than the data has them
 */
export async function fillTables({ client }: BenchDatabase, data: BenchData, changed = 0): Promise<void> {
  const columns = '(txid, resource_type, status, id, resource)';
  for (const { type, copyPath } of data.files) {
    const table = quotedTable(type);
    if (changed === 0) {
      await client.query(`copy ${table} ${columns} from '${copyPath}' (format binary)`);
      continue;
    }
    await client.query(`create temporary table staged (like ${table} including defaults)`);
    await client.query(`copy staged ${columns} from '${copyPath}' (format binary)`);
    await client.query(
      `insert into ${table} (txid, resource_type, status, id, resource)
       select txid, resource_type, status, id,
              case when abs(mod(hashtext(id), 100)) < $1 then resource || '{"before": true}' else resource end
         from staged`,
      [changed],
    );
    await client.query('drop table staged');
  }
  for (const type of typesOf(data)) await client.query(`vacuum analyze ${quotedTable(type)}`);
}
