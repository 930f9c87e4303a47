import type pg from 'pg';
import { qualifiedName, resolveTables } from '../resource-tables.ts';

/** What a conditional reference asks for: `Practitioner?identifier=system|value`. */
export interface IdentifierQuery {
  type: string;
  /** Undefined: any system; empty: none. */
  system: string | undefined;
  value: string;
}

/** The only resource that matches, or how many do. */
export type Match = { id: string } | { matches: number };

/**
 * The identifiers of resources, by type, in a temporary table of one session, so that memory does not grow with them. A
 * type is read when it is first asked for; what changes later is not seen.
 */
export class IdentifierIndex {
  readonly #client: pg.ClientBase;
  readonly #types = new Set<string>();

  constructor(client: pg.ClientBase) {
    this.#client = client;
  }

  /** Makes the table; it ends with the session or with `drop`. */
  async create(): Promise<void> {
    await this.drop();
    await this.#client.query(
      `create temporary table fhir_bucket_loader_identifier (type text not null, id text not null, system text, value text not null)`,
    );
    await this.#client.query(
      `create index fhir_bucket_loader_identifier_value on pg_temp.fhir_bucket_loader_identifier (type, value)`,
    );
  }

  async drop(): Promise<void> {
    await this.#client.query('drop table if exists pg_temp.fhir_bucket_loader_identifier');
  }

  /** Looks all of them up at once; the answers are in their order. */
  async find(queries: readonly IdentifierQuery[]): Promise<Match[]> {
    for (const { type } of queries) await this.#fill(type);
    const { rows } = await this.#client.query<{ n: number; id: string; matches: number }>(
      `select wanted.n, min(known.id) as id, count(distinct known.id)::int as matches
         from unnest($1::int[], $2::text[], $3::text[], $4::text[]) as wanted (n, type, system, value)
         join pg_temp.fhir_bucket_loader_identifier known
           on known.type = wanted.type and known.value = wanted.value
          and (wanted.system is null or coalesce(known.system, '') = wanted.system)
        group by wanted.n`,
      [
        queries.map((_, n) => n),
        queries.map(({ type }) => type),
        queries.map(({ system }) => system ?? null),
        queries.map(({ value }) => value),
      ],
    );
    const found = new Map(rows.map((row) => [row.n, row]));
    return queries.map((_, n) => {
      const { id, matches } = found.get(n) ?? { id: '', matches: 0 };
      return matches === 1 ? { id } : { matches };
    });
  }

  async #fill(type: string): Promise<void> {
    if (this.#types.has(type)) return;
    this.#types.add(type);
    const [table] = await resolveTables(this.#client, [type]);
    if (table === undefined) return;
    await this.#client.query(
      `insert into pg_temp.fhir_bucket_loader_identifier (type, id, system, value)
       select $1, id, each ->> 'system', each ->> 'value'
         from ${qualifiedName(table)},
              jsonb_array_elements(case jsonb_typeof(resource -> 'identifier')
                                     when 'array' then resource -> 'identifier' else '[]' end) each
        where each ->> 'value' is not null`,
      [type],
    );
    await this.#client.query('analyze pg_temp.fhir_bucket_loader_identifier');
  }
}
