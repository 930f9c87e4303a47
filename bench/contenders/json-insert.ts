import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BenchData } from '../dataset/bench-data.ts';
import type { Contender, RunFigures } from './contender.ts';
import type { JsonInsertJob } from './json-insert-worker.ts';
import { inLoaderOrder } from './server-copy.ts';

const WORKER = fileURLToPath(new URL('./json-insert-worker.ts', import.meta.url));

/** What one would write in Node first: readline, JSON.parse and INSERTs of many rows, from local files. */
export function jsonInsert(name: string, data: BenchData, floor: string): Contender {
  return {
    name,
    what: 'readline + JSON.parse + multi-row INSERT, from local files',
    data,
    compression: 'pglz',
    floor,
    async run({ database, threads }): Promise<RunFigures> {
      const child = fork(WORKER);
      const files = inLoaderOrder(data.files).map(({ type, gzipPath }) => ({ type, gzipPath }));
      child.send({ address: database.address, files, threads } satisfies JsonInsertJob);
      const ended = once(child, 'exit').then(([code]) => {
        throw new Error(`the JSON.parse contender ended with ${code}`);
      });
      const [figures]: RunFigures[] = await Promise.race([once(child, 'message'), ended]);
      ended.catch(() => {});
      child.disconnect();
      if (figures === undefined) throw new Error('the JSON.parse contender told no figures');
      return figures;
    },
  };
}
