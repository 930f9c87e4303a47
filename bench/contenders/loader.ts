import type { BenchData } from '../dataset/bench-data.ts';
import { type Compression, resetTables } from '../postgres/resource-rows.ts';
import { LoaderProcess, type LoaderProcessOptions, type LoadFigures } from '../process/loader-process.ts';
import { familyCpuSeconds } from '../process/proc-stat.ts';
import type { FileServer } from '../s3/start-file-server.ts';
import type { BenchDeps, Contender, RunFigures } from './contender.ts';

export interface LoaderContender {
  name: string;
  what: string;
  data: BenchData;
  floor: string;
  compression?: Compression;
  rowForm?: string;
  /** Of `load-from-bucket`, besides bucket, account and thread-num. */
  params?: object;
  process?: Omit<LoaderProcessOptions, 'databaseUrl'>;
  /** Whether the server has loaded the same data once before, so that its code is compiled. */
  warm?: boolean;
  /** Does the load, and measures more of it than its time. */
  during?: (parts: BenchDeps, load: (s3: FileServer) => Promise<LoadFigures>) => Promise<RunFigures>;
}

/**
 * `load-from-bucket` over HTTP, from S3, on a server process that was started for this run: so its peak memory is of
 * this load alone, and unless it is warm every figure holds the compiling of its code.
 */
export function loader({
  warm,
  params,
  during = (parts, load) => load(parts.s3),
  process: options,
  compression = 'pglz',
  ...contender
}: LoaderContender): Contender {
  const { data } = contender;
  const start = ({ database }: BenchDeps) => LoaderProcess.start({ databaseUrl: database.url, ...options });
  const load = async (server: LoaderProcess, { database, s3, threads }: BenchDeps) => {
    // Not with the server's start, nor with ANALYZE, which follows the load and goes on until the server is stopped.
    const { pid } = database;
    const before = pid === undefined ? undefined : familyCpuSeconds(pid);
    const figures = await server.load(data.name, s3, { 'thread-num': threads, ...params });
    const spent = pid === undefined || before === undefined ? undefined : familyCpuSeconds(pid) - before;
    return { ...figures, postgresCpuS: spent };
  };
  let warmed: LoaderProcess | undefined;
  const warmUp = async (parts: BenchDeps) => {
    warmed = await start(parts);
    await load(warmed, parts);
    await resetTables(parts.database.client, data, compression);
  };
  return {
    ...contender,
    compression,
    ...(warm === true ? { prepare: warmUp } : {}),
    async run(parts): Promise<RunFigures> {
      const server = warmed ?? (await start(parts));
      warmed = undefined;
      try {
        const figures = await during(parts, (s3) => load(server, { ...parts, s3 }));
        return { ...figures, peakRssBytes: server.peakRss() };
      } finally {
        await server.stop();
      }
    },
  };
}
