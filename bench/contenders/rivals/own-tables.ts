import { dirname } from 'node:path';
import { type BenchData, typesOf } from '../../dataset/bench-data.ts';
import type { BenchDeps } from '../contender.ts';
import { tcpUrl } from './connection.ts';
import type { Rival } from './rival.ts';
import { openTcpDoor } from './tcp-door.ts';

/** Schema of the tables of tools that lay out tables of their own. */
export const OWN_SCHEMA = 'rival';

/** The folder of the data's files, for tools that are told a pattern. */
export function folderOf({ files: [first] }: BenchData): string {
  return dirname(first?.gzipPath ?? '');
}

/**
 * A tool that lays out tables of its own, in OWN_SCHEMA, and that reaches Postgres by TCP alone.
 * @param commandsOf its commands, given the database's address, which is known once they are asked for
 */
export function withOwnTables(
  rival: Pick<Rival, 'name' | 'what' | 'whyNot'>,
  commandsOf: (urlOf: (parts: BenchDeps) => string) => Rival['commands'],
): Rival {
  let port = 0;
  return {
    ...rival,
    async prepare({ database: { client, address } }) {
      await client.query(`drop schema if exists ${OWN_SCHEMA} cascade; create schema ${OWN_SCHEMA}`);
      port = await openTcpDoor(address);
    },
    check: checkOwnTables,
    commands: commandsOf(({ database }) => tcpUrl(database.address, port)),
  };
}

/** @throws when a table of a type has not as many rows as the data */
async function checkOwnTables({ database: { client } }: BenchDeps, data: BenchData, by: string): Promise<void> {
  for (const type of typesOf(data)) {
    const expected = data.files.reduce((rows, file) => rows + (file.type === type ? file.rows : 0), 0);
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::int as n from ${OWN_SCHEMA}.${type.toLowerCase()}`,
    );
    if (rows[0]?.n !== expected) throw new Error(`after ${by} there are ${rows[0]?.n} of ${expected} rows of ${type}`);
  }
}
