import type { BenchOptions } from '../bench-options.ts';
import type { BenchData } from '../dataset/bench-data.ts';
import { resetTables } from '../postgres/resource-rows.ts';
import { LoaderProcess } from '../process/loader-process.ts';
import { withParts } from '../with-parts.ts';

/** Loads the data one file at a time. @returns bytes of ndjson per second, by type */
export async function measureRates(
  data: BenchData,
  options: Pick<BenchOptions, 'postgres'>,
): Promise<Map<string, number>> {
  return await withParts({ ...options, threads: 1 }, async ({ database, s3 }) => {
    await resetTables(database.client, data, 'pglz');
    const server = await LoaderProcess.start({ databaseUrl: database.url });
    try {
      await server.load(data.name, s3, { 'thread-num': 1 });
    } finally {
      await server.stop();
    }
    const { rows } = await database.client.query<{ key: string; seconds: number }>(
      `select resource ->> 'file' as key,
              extract(epoch from (resource ->> 'end')::timestamptz - (resource ->> 'start')::timestamptz)::float8 as seconds
         from loaderfile`,
    );
    const seconds = new Map(rows.map((row) => [row.key, row.seconds]));
    const rates = new Map<string, number>();
    for (const [type, files] of Map.groupBy(data.files, (file) => file.type)) {
      const bytes = files.reduce((sum, file) => sum + file.rawBytes, 0);
      rates.set(type, bytes / files.reduce((sum, file) => sum + (seconds.get(file.key) ?? Number.NaN), 0));
    }
    return rates;
  });
}
