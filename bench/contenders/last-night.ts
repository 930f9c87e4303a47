import { quotedTable } from '../../src/store/resource-tables.ts';
import { type BenchData, typesOf } from '../dataset/bench-data.ts';
import { LoaderProcess } from '../process/loader-process.ts';
import type { BenchDeps } from './contender.ts';
import { fillTables } from './fill-tables.ts';

/**
 * Has the loader load the data once with `upsert?`, and changes some of the rows.
 * @param filled whether the rows are in the tables before, so that they are compared; else that load inserts them
 * @param changed percentage of the rows, by their ids' hashes, that are changed then
 */
export async function fillByLastNight(
  { database, s3, threads }: BenchDeps,
  data: BenchData,
  { filled, changed, tree }: { filled: boolean; changed: number; tree: string | undefined },
): Promise<void> {
  const { client } = database;
  if (filled) await fillTables(database, data);
  const server = await LoaderProcess.start({ databaseUrl: database.url, tree });
  try {
    await server.load(data.name, s3, { 'thread-num': threads, 'upsert?': true });
  } finally {
    await server.stop();
  }
  await client.query('truncate loaderfile, loadererror');
  for (const type of typesOf(data)) {
    const table = quotedTable(type);
    await client.query(
      `update ${table} set resource = resource || '{"before": true}' where abs(mod(hashtext(id), 100)) < $1`,
      [changed],
    );
    await client.query(`vacuum analyze ${table}`);
  }
}
