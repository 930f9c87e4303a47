import { availableParallelism } from 'node:os';
import { bindToCores } from '../process/cpu-affinity.ts';
import type { BenchDeps, Contender } from './contender.ts';

/**
 * The same contender with Postgres alone on one core, and the S3 server, the loader and the bench on the others: as
 * where a database has its own machine, the loader then costs Postgres nothing but what it sends.
 * @param floor name of the floor that runs in the same way
 */
export function onOwnCore(contender: Contender, floor: string): Contender {
  const all = `0-${availableParallelism() - 1}`;
  const others = `1-${availableParallelism() - 1}`;
  const bind = ({ database }: BenchDeps, postgres: string, rest: string) => {
    if (database.pid !== undefined) bindToCores(database.pid, postgres);
    // The S3 server and the loader are children of this process; Postgres, started by pg_ctl, is not.
    bindToCores(process.pid, rest);
  };
  return {
    ...contender,
    name: `${contender.name}-own-core`,
    what: `${contender.what}, Postgres alone on one core`,
    floor,
    async run(parts) {
      bind(parts, '0', others);
      try {
        return await contender.run(parts);
      } finally {
        bind(parts, all, all);
      }
    },
  };
}
