import { fileURLToPath } from 'node:url';
import { tableName } from '../../../src/store/resource-tables.ts';
import { libpqWords } from './connection.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';

const SCRIPT = fileURLToPath(new URL('duckdb-load.py', import.meta.url));

/** DuckDB with its Postgres extension, of the PyPI packages duckdb and duckdb-ext-postgres. */
export function duckdb(python: string): Rival {
  return {
    name: 'duckdb',
    what: 'DuckDB: read_ndjson_objects into an attached Postgres, from local files',
    whyNot: () => (starts(python, '-c', 'import duckdb, duckdb_ext') ? undefined : `${python} has no duckdb`),
    commands: {
      all(data, { database, threads }) {
        const byTable = Object.groupBy(data.files, ({ type }) => tableName(type));
        const files = Object.fromEntries(
          Object.entries(byTable).map(([table, group = []]) => [`"${table}"`, group.map(({ gzipPath }) => gzipPath)]),
        );
        const job = { connection: libpqWords(database.address), threads, files };
        return { program: python, args: [SCRIPT, JSON.stringify(job)] };
      },
    },
  };
}
