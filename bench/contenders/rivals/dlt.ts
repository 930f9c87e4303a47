import { fileURLToPath } from 'node:url';
import { typesOf } from '../../dataset/bench-data.ts';
import { folderOf, OWN_SCHEMA, withOwnTables } from './own-tables.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';

const SCRIPT = fileURLToPath(new URL('dlt-load.py', import.meta.url));

/** dlt, of PyPI's dlt[postgres]. */
export function dlt(python: string): Rival {
  const rival = {
    name: 'dlt',
    what: 'dlt: filesystem, read_jsonl, Postgres, into tables of its own, from local files',
    whyNot: () => (starts(python, '-c', 'import dlt, psycopg2') ? undefined : `${python} has no dlt[postgres]`),
  };
  return withOwnTables(rival, (urlOf) => ({
    all(data, parts) {
      const { threads } = parts;
      const job = {
        folder: folderOf(data),
        tables: Object.fromEntries(typesOf(data).map((type) => [type.toLowerCase(), `${type}.*.ndjson.gz`])),
        url: urlOf(parts),
        schema: OWN_SCHEMA,
      };
      const env = { NORMALIZE__WORKERS: String(threads), LOAD__WORKERS: String(threads) };
      return { program: python, args: [SCRIPT, JSON.stringify(job)], env };
    },
  }));
}
