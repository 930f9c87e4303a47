import { folderOf, OWN_SCHEMA, withOwnTables } from './own-tables.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';

/** Sling, by its program (PyPI's sling has it, or fetches it). */
export function sling(program: string): Rival {
  const rival = {
    name: 'sling',
    what: 'sling run, into tables of its own, a JSON column for each line, from local files',
    whyNot: () => (starts(program, '--version') ? undefined : 'sling is not installed'),
  };
  return withOwnTables(rival, (urlOf) => ({
    // Two runs at once into one table meet in its temporary table.
    eachType: (type, data, parts) => ({
      program,
      args: [
        ...['run', '--src-stream', `file://${folderOf(data)}/${type}.*.ndjson.gz`],
        ...['--src-options', '{format: jsonlines}', '--tgt-conn', 'BENCH_TARGET'],
        ...['--tgt-object', `${OWN_SCHEMA}.${type.toLowerCase()}`, '--mode', 'full-refresh'],
      ],
      env: { BENCH_TARGET: urlOf(parts) },
    }),
  }));
}
