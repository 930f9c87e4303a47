import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { BenchDeps } from './contenders/contender.ts';
import { cacheFolder } from './dataset/prepare-data.ts';
import { openBenchDatabase } from './postgres/bench-database.ts';
import { startFileServer } from './s3/start-file-server.ts';

/**
 * Starts Postgres and the S3 endpoint over the cache of bench data, and closes both when `work` ends or fails, or when
 * the bench is interrupted.
 */
export async function withParts<T>(
  {
    postgres,
    postgresMemory,
    settings,
    threads,
  }: {
    postgres: string | undefined;
    postgresMemory?: number | undefined;
    /** Of a Postgres that the bench starts, besides what all benches set. */
    settings?: Readonly<Record<string, string>>;
    threads: number;
  },
  work: (parts: BenchDeps) => Promise<T>,
): Promise<T> {
  await mkdir(cacheFolder(), { recursive: true });
  const s3 = await startFileServer(cacheFolder());
  try {
    const database = await openBenchDatabase({ bin: postgres, memory: postgresMemory, settings });
    try {
      return await Promise.race([interrupted(), work({ database, s3, threads })]);
    } finally {
      await database.close();
    }
  } finally {
    s3.close();
  }
}

/** Rejects at the first SIGINT or SIGTERM; a second one ends the process at once. */
async function interrupted(): Promise<never> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const name = await Promise.race(signals.map((signal) => once(process, signal).then(() => signal)));
  throw new Error(`the bench was interrupted by ${name}`);
}
