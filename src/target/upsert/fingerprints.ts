import { createHash } from 'node:crypto';
import type pg from 'pg';
import { FINGERPRINTS } from '../../store/fingerprint-table.ts';
import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import type { RowLookUp } from '../row-look-up.ts';

/** The ids of all rows of the file, and the 1-based row: those that are not sent do not stand in the stage. */
export const FILE_IDS = 'pg_temp.fhir_bucket_loader_ids';

/**
 * Which rows of a file are stored already, by fingerprints of what was compared before. A fingerprint is written only for a
 * row that Postgres has compared with the file's and found the same, so triggers, and whatever else changes a resource on
 * its way into the table, cannot make it wrong.
 *
 * It holds for one version of one row: Postgres gives every version another place (ctid) or another transaction (xmin), and the
 * id is compared too, since VACUUM FULL moves rows. So any change by anybody makes it void, as do TRUNCATE, a restored dump
 * or another table of the name; a void one costs a comparison. The hash begins with what identifies cluster, database and
 * table, so that one that a dump has brought here means nothing.
 */
export class Fingerprints implements RowLookUp {
  readonly scope: Buffer;
  readonly #table: ResourceTable;
  readonly #relation: string;

  private constructor(table: ResourceTable, relation: string, scope: Buffer) {
    this.#table = table;
    this.#relation = relation;
    this.scope = scope;
  }

  /**
   * @returns undefined where rows have no lasting place, where somebody has dropped the side table, to do without, and for an
   * empty table, whose rows are all new
   */
  static async open(db: Queryable, table: ResourceTable): Promise<Fingerprints | undefined> {
    const { rows } = await db.query<{ relation: string; database: string }>(
      `select c.oid::text as relation, d.oid::text as database
         from pg_class c join pg_am a on a.oid = c.relam and a.amname = 'heap'
         join pg_database d on d.datname = current_database()
        where c.oid = $1::regclass and c.relkind = 'r' and not c.relhassubclass
          and to_regclass('${FINGERPRINTS}') is not null and exists (select from ${qualifiedName(table)})
          and has_table_privilege(to_regclass('${FINGERPRINTS}'), 'select, insert')
          and has_function_privilege('pg_control_system()', 'execute')`,
      [qualifiedName(table)],
    );
    const [found] = rows;
    if (found === undefined) return undefined;
    const cluster = await db.query<{ id: string }>('select system_identifier::text as id from pg_control_system()');
    const scope = createHash('sha256')
      .update(`1 ${cluster.rows[0]?.id} ${found.database} ${found.relation}`)
      .digest()
      .subarray(0, 16);
    await db.query(
      `create temporary table if not exists ${FILE_IDS} (row bigint not null, id text not null) on commit delete rows;
       set local jit = off; set local enable_seqscan = off`,
    );
    return new Fingerprints(table, found.relation, scope);
  }

  /**
   * Looks each row up by its fingerprint: neither stored resources nor the key of the table are read.
   *
   * `offset 0` keeps Postgres to the order of the look-ups. It may know nothing of the fingerprints, and then expects many
   * for each hash: it read the whole table for each row, which took 5.5 s instead of 15 ms for 2,000 rows of a table of 20,000.
   */
  async findOthers(
    client: pg.ClientBase,
    firstRow: number,
    ids: readonly string[],
    hashes: readonly string[],
  ): Promise<number[]> {
    const { rows } = await client.query<{ others: string | null }>(
      `with line as materialized (
         select id, hash, n from unnest($1::text[], $2::uuid[]) with ordinality as line (id, hash, n)
       ), noted as (
         insert into ${FILE_IDS} (row, id) select $3::bigint + n - 1, id from line
       )
       select string_agg((n - 1)::text, ',' order by n) as others from line left join lateral (
         select true as found
           from (select place, version from ${FINGERPRINTS} where hash = line.hash offset 0) f
          cross join lateral (select from ${qualifiedName(this.#table)} t
                               where t.ctid = f.place and t.xmin = f.version and t.id collate "C" = line.id offset 0) t
          limit 1) stored on true
        where found is null`,
      [textArray(ids), `{${hashes.join()}}`, firstRow],
    );
    const others = rows[0]?.others ?? '';
    return others === '' ? [] : others.split(',').map(Number);
  }

  /** Remembers rows of `from`, which has `change`, `hash`, `stored_at` and `version`, that are the `same`, in SQL. */
  noteSame(from: string): string {
    return `insert into ${FINGERPRINTS} (hash, place, version, relation)
            select hash, stored_at, version, ${this.#relation} from ${from} where change = 'same'`;
  }
}

/** Ids as Postgres reads an array; those with characters that it must escape are left to `pg`. */
function textArray(ids: readonly string[]): string | readonly string[] {
  return ids.some((id) => /["\\]/.test(id)) ? ids : `{"${ids.join('","')}"}`;
}
