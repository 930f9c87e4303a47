import { tcpUrl } from './connection.ts';
import { checkOwnTables, clearOwnTables, folderOf, OWN_SCHEMA } from './own-tables.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';
import { openTcpDoor } from './tcp-door.ts';

/** Sling, by its program (PyPI's sling has it, or fetches it). */
export function sling(program: string): Rival {
  let port = 0;
  return {
    name: 'sling',
    what: 'sling run, into tables of its own, a JSON column for each line, from local files',
    whyNot: () => (starts(program, '--version') ? undefined : 'sling is not installed'),
    async prepare(parts) {
      await clearOwnTables(parts);
      port = await openTcpDoor(parts.database.address);
    },
    check: checkOwnTables,
    commands: {
      // Two runs at once into one table meet in its temporary table.
      eachType: (type, data, { database }) => ({
        program,
        args: [
          ...['run', '--src-stream', `file://${folderOf(data)}/${type}.*.ndjson.gz`],
          ...['--src-options', '{format: jsonlines}', '--tgt-conn', 'BENCH_TARGET'],
          ...['--tgt-object', `${OWN_SCHEMA}.${type.toLowerCase()}`, '--mode', 'full-refresh'],
        ],
        env: { BENCH_TARGET: tcpUrl(database.address, port) },
      }),
    },
  };
}
