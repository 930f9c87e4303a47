import type pg from 'pg';
import { isLoading } from '../bucket-load/load-lock.ts';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';
import { copyIdentifiers, type Freshness, type IdentifierTables } from './copy-identifiers.ts';

/** What a conditional reference asks for: `Practitioner?identifier=system|value`. */
export interface IdentifierQuery {
  type: string;
  /** Undefined: any system; empty: none. */
  system: string | undefined;
  value: string;
}

/** The only resource that matches, or how many do: `2` means two or more. */
export type Match = { id: string } | { matches: number };

const SHARED: IdentifierTables = {
  fills: 'fhir_bucket_loader.identifier_fill',
  identifiers: 'fhir_bucket_loader.identifier',
};
const TEMPORARY: IdentifierTables = {
  fills: 'pg_temp.fhir_bucket_loader_identifier_fill',
  identifiers: 'pg_temp.fhir_bucket_loader_identifier',
};

/**
 * The identifiers of resources, copied from the resources' rows a type at a time, when the type is first asked for: what is
 * found is as the rows were then. The copy is in the database, so memory does not grow with it.
 */
export class IdentifierIndex {
  readonly #tables: IdentifierTables;
  readonly #bucket: string;

  private constructor(tables: IdentifierTables, bucket: string) {
    this.#tables = tables;
    this.#bucket = bucket;
  }

  /** The one that all replicas share that load a bucket. `forgetIdentifiers` ends it. */
  static ofLoad(bucket: string): IdentifierIndex {
    return new IdentifierIndex(SHARED, bucket);
  }

  /** One of this session alone, until `drop`, or until the session ends. */
  static async ofSession(client: pg.ClientBase): Promise<IdentifierIndex> {
    const index = new IdentifierIndex(TEMPORARY, '');
    await index.drop(client);
    for (const name of ['fills', 'identifiers'] as const) {
      await client.query(`create table ${TEMPORARY[name]} (like ${SHARED[name]} including all)`);
    }
    return index;
  }

  /** Ends the index of a session. */
  async drop(client: pg.ClientBase): Promise<void> {
    await client.query(`drop table if exists ${TEMPORARY.fills}, ${TEMPORARY.identifiers}`);
  }

  /** Copies a type's identifiers: `copyIdentifiers` says how. */
  async fill(client: pg.ClientBase, type: string, freshness: Freshness): Promise<void> {
    await copyIdentifiers(client, { tables: this.#tables, bucket: this.#bucket, type }, freshness);
  }

  /**
   * Looks all of them up at once; the answers are in their order, undefined where the type has no copy, or one that is not
   * as fresh as that.
   */
  async find(db: Queryable, queries: readonly (IdentifierQuery & Freshness)[]): Promise<(Match | undefined)[]> {
    if (queries.length === 0) return [];
    // The inner query aggregates, so that Postgres looks each value up by the index, without statistics too.
    const { rows } = await db.query<{ n: number; id: string | null; matches: number }>(
      `select wanted.n, found.id, found.matches::int as matches
         from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
                as wanted (n, type, system, value, call, done_files)
         join ${this.#tables.fills} f
           on f.queue = ${QUEUE} and f.bucket = $1 and f.type = wanted.type
          and f.call >= wanted.call and f.done_files >= wanted.done_files
         cross join lateral (
           select min(same.id) as id, count(*) as matches
             from (select distinct i.id from ${this.#tables.identifiers} i
                    where i.fill = f.fill and i.key = hashtextextended(wanted.value, 0) and i.value = wanted.value
                      and (wanted.system is null or coalesce(i.system, '') = wanted.system)
                    limit 2) same
         ) found`,
      [
        this.#bucket,
        queries.map((_, n) => n),
        queries.map(({ type }) => type),
        queries.map(({ system }) => system ?? null),
        queries.map(({ value }) => value),
        queries.map(({ call }) => call.toString()),
        queries.map(({ doneFiles }) => doneFiles),
      ],
    );
    const found = new Map(rows.map((row) => [row.n, row]));
    return queries.map((_, n) => {
      const row = found.get(n);
      if (row === undefined) return undefined;
      return row.matches === 1 && row.id !== null ? { id: row.id } : { matches: row.matches };
    });
  }
}

/**
 * Deletes the identifiers that the load of a bucket has copied, and those of buckets that nobody loads: whose replicas died
 * before they could. A load that has begun meanwhile copies them again.
 */
export async function forgetIdentifiers(db: Queryable, finished?: string): Promise<void> {
  const { rows } = await db.query<{ bucket: string }>(
    `select distinct bucket from ${SHARED.fills} where queue = ${QUEUE}`,
  );
  for (const { bucket } of rows) {
    if (bucket !== finished && (await isLoading(db, bucket))) continue;
    await db.query(
      `with former as (delete from ${SHARED.fills} where queue = ${QUEUE} and bucket = $1 returning fill)
       delete from ${SHARED.identifiers} where fill in (select fill from former)`,
      [bucket],
    );
  }
}
