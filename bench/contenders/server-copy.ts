import { atOnce } from '../../src/indexes/at-once.ts';
import { schedule } from '../../src/load/schedule.ts';
import { connectClient } from '../../src/store/connection-options.ts';
import { FileList } from '../../src/store/loader-file/file-list.ts';
import type { QueuedFile } from '../../src/store/loader-file/queue.ts';
import { quotedTable } from '../../src/store/resource-tables.ts';
import type { BenchData, BenchFile } from '../dataset/bench-data.ts';
import type { Contender, RunFigures } from './contender.ts';

/**
 * The floor: what Postgres needs for the same rows when nobody has to read, unpack or encode anything. It reads
 * ready-made COPY BINARY files itself, on as many connections, in the loader's order, one transaction a file, with
 * the session settings of the loader.
 */
export function serverCopy(name: string, data: BenchData): Contender {
  return {
    name,
    what: 'server-side COPY of ready-made binary files',
    data,
    compression: 'pglz',
    floor: name,
    async run({ database, threads }): Promise<RunFigures> {
      const clients = await Promise.all(Array.from({ length: threads }, () => connectClient(database.address)));
      try {
        const idle = [...clients];
        const started = performance.now();
        await atOnce(threads, inLoaderOrder(data.files), async (file) => {
          const client = idle.pop();
          if (client === undefined) throw new Error('more slots than connections');
          await client.query('begin; set local synchronous_commit = off');
          await client.query(
            `copy ${quotedTable(file.type)} (txid, resource_type, status, id, resource)
               from '${file.copyPath}' (format binary)`,
          );
          await client.query('commit');
          idle.push(client);
        });
        return { wallS: (performance.now() - started) / 1000 };
      } finally {
        await Promise.all(clients.map((client) => client.end()));
      }
    },
  };
}

/** The order in which the loader itself would begin these files. */
export function inLoaderOrder(files: readonly BenchFile[]): BenchFile[] {
  const queued: QueuedFile[] = files.map(({ key, type, gzipBytes }) => ({
    id: key,
    key,
    type,
    size: gzipBytes,
    lastModified: '',
    etag: null,
  }));
  const byKey = new Map(files.map((file) => [file.key, file]));
  return [...schedule(FileList.of(queued), 'optimal')].flatMap(({ key }) => byKey.get(key) ?? []);
}
