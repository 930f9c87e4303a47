import type { BenchData } from '../dataset/bench-data.ts';
import type { Compression } from '../postgres/resource-rows.ts';
import { LoaderProcess, type LoaderProcessOptions } from '../process/loader-process.ts';
import type { Contender, RunFigures } from './contender.ts';

export interface LoaderContender {
  name: string;
  what: string;
  data: BenchData;
  floor: string;
  compression?: Compression;
  /** Of `load-from-bucket`, besides bucket, account and thread-num. */
  params?: object;
  process?: Omit<LoaderProcessOptions, 'databaseUrl'>;
}

/**
 * `load-from-bucket` over HTTP, from S3, on a server process that was started for this run: so its peak memory is of
 * this load alone, and every figure holds the start of its worker threads.
 */
export function loader({ params, process: options, compression = 'pglz', ...contender }: LoaderContender): Contender {
  return {
    ...contender,
    compression,
    async run({ database, s3, threads }): Promise<RunFigures> {
      const server = await LoaderProcess.start({ databaseUrl: database.url, ...options });
      try {
        const figures = await server.load(contender.data.name, s3, { 'thread-num': threads, ...params });
        return { ...figures, peakRssBytes: server.peakRss() };
      } finally {
        await server.stop();
      }
    },
  };
}
