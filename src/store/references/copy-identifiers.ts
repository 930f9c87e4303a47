import type pg from 'pg';
import { commit } from '../commit.ts';
import { QUEUE } from '../loader-file/queue.ts';
import { qualifiedName, resolveTables } from '../resource-tables.ts';

/** Tables that identifiers are copied to, so that they are found by a look-up; the migrations have their columns. */
export interface IdentifierTables {
  fills: string;
  identifiers: string;
}

/** How fresh a copy has to be. */
export interface Freshness {
  /** The load's call: a later one may have come with further files. */
  call: bigint;
  /** Files, of the type, that were done when the copy was made. */
  doneFiles: number;
}

/** Whose copy it is, of which type, and where. */
export interface IdentifierCopy {
  tables: IdentifierTables;
  bucket: string;
  type: string;
}

/** Reading the table must not wait behind somebody who waits for a file in flight. */
const BOUND_WAITS = "set local lock_timeout = '10s'";

/**
 * Copies a type's identifiers, unless somebody else has meanwhile; those who do so at the same time wait for the first.
 * @param client not in a transaction
 */
export async function copyIdentifiers(
  client: pg.ClientBase,
  copy: IdentifierCopy,
  freshness: Freshness,
): Promise<void> {
  await client.query('begin');
  try {
    await copyUnlessFresh(client, copy, freshness);
    await commit(client);
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function copyUnlessFresh(
  client: pg.ClientBase,
  { tables, bucket, type }: IdentifierCopy,
  freshness: Freshness,
): Promise<void> {
  const { fills, identifiers } = tables;
  await client.query(
    `select pg_advisory_xact_lock(hashtextextended('fhir-bucket-loader identifiers ' || ${QUEUE} || ' ' || $1::text || ' ' || $2::text, 0))`,
    [bucket, type],
  );
  const { rowCount } = await client.query(
    `select from ${fills}
      where queue = ${QUEUE} and bucket = $1 and type = $2 and call >= $3 and done_files >= $4`,
    [bucket, type, freshness.call.toString(), freshness.doneFiles],
  );
  if (rowCount !== 0) return;
  await client.query(BOUND_WAITS);
  await client.query(
    `with former as (delete from ${fills} where queue = ${QUEUE} and bucket = $1 and type = $2 returning fill)
     delete from ${identifiers} where fill in (select fill from former)`,
    [bucket, type],
  );
  // Before the rows are read: what is counted is then among them.
  const { rows } = await client.query<{ fill: string }>(
    `insert into ${fills} (queue, bucket, type, call, done_files)
     select ${QUEUE}, $1, $2, $3, greatest($4, count(*)) from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done' and resource ->> 'type' = $2
     returning fill`,
    [bucket, type, freshness.call.toString(), freshness.doneFiles],
  );
  const [table] = await resolveTables(client, [type]);
  if (table === undefined) return;
  await client.query(
    `insert into ${identifiers} (fill, key, id, system, value)
     select $1, hashtextextended(each ->> 'value', 0), id, each ->> 'system', each ->> 'value'
       from ${qualifiedName(table)},
            jsonb_array_elements(case jsonb_typeof(resource -> 'identifier')
                                   when 'array' then resource -> 'identifier' else '[]' end) each
      where resource_type = $2 and each ->> 'value' is not null`,
    [rows[0]?.fill, type],
  );
}
