import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { typesOf } from '../../dataset/bench-data.ts';
import { tcpUrl } from './connection.ts';
import { checkOwnTables, clearOwnTables, folderOf, OWN_SCHEMA } from './own-tables.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';
import { openTcpDoor } from './tcp-door.ts';

const SCRIPT = fileURLToPath(new URL('dlt-load.py', import.meta.url));

/** dlt, of PyPI's dlt[postgres]. */
export function dlt(python: string): Rival {
  let port = 0;
  return {
    name: 'dlt',
    what: 'dlt: filesystem, read_jsonl, Postgres, into tables of its own, from local files',
    whyNot: () => (starts(python, '-c', 'import dlt, psycopg2') ? undefined : `${python} has no dlt[postgres]`),
    async prepare(parts) {
      await clearOwnTables(parts);
      port = await openTcpDoor(parts.database.address);
    },
    check: checkOwnTables,
    commands: {
      all(data, { database, threads }) {
        const job = {
          folder: folderOf(data),
          tables: Object.fromEntries(typesOf(data).map((type) => [type.toLowerCase(), `${type}.*.ndjson.gz`])),
          url: tcpUrl(database.address, port),
          schema: OWN_SCHEMA,
          state: mkdtempSync(join(tmpdir(), 'bench-dlt-')),
        };
        const env = { NORMALIZE__WORKERS: String(threads), LOAD__WORKERS: String(threads) };
        return { program: python, args: [SCRIPT, JSON.stringify(job)], env };
      },
    },
  };
}
