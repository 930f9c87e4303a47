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
 * its way into the table, cannot make it wrong. What is hashed are the bytes that would be sent: another format, converter or
 * version of the loader that makes something else of a line has another hash.
 *
 * It holds for one version of one row. Within one file of a table (`relfilenode`) no two versions have both place (ctid) and
 * transaction (xmin) in common: a place is free again only after the transaction that has filled it has ended. What moves rows, and keeps
 * their xmin, makes another file: VACUUM FULL, CLUSTER. What gives old rows other values without writing them makes another
 * column: dropped and added with a default. Both are in the hash, as are cluster and database, so that fingerprints that a dump has brought
 * here mean nothing, and the epoch: numbers of transactions come again after four billion.
 *
 * Every restore of Postgres's files, and a standby that is promoted, begins with recovery, which empties the unlogged table.
 */
export class Fingerprints implements RowLookUp {
  readonly scope: Buffer;
  readonly #table: ResourceTable;
  readonly #relation: string;
  readonly #file: string;

  private constructor(table: ResourceTable, { relation, file }: StoredTable, scope: Buffer) {
    this.#table = table;
    this.#relation = relation;
    this.#file = file;
    this.scope = scope;
  }

  /**
   * @returns undefined where rows have no lasting place, where somebody has dropped the side table, to do without, and for an
   * empty table, whose rows are all new
   */
  static async open(db: Queryable, table: ResourceTable): Promise<Fingerprints | undefined> {
    const { rows } = await db.query<StoredTable>(
      `select c.oid::text as relation, pg_relation_filenode(c.oid)::text as file,
              concat_ws(' ', d.oid, c.oid, pg_relation_filenode(c.oid), txid_current() >> 32,
                (select string_agg(concat(attname, attnum), ' ' order by attname) from pg_attribute
                  where attrelid = c.oid and attname in ('id', 'ts', 'resource'))) as identity
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
    const scope = createHash('sha256').update(`2 ${cluster.rows[0]?.id} ${found.identity}`).digest().subarray(0, 16);
    await db.query(
      `create temporary table if not exists ${FILE_IDS} (row bigint not null, id text not null) on commit delete rows;
       set local jit = off; set local enable_seqscan = off`,
    );
    return new Fingerprints(table, found, scope);
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
          cross join lateral (select from only ${qualifiedName(this.#table)} t
                               where t.ctid = f.place and t.xmin = f.version and t.id collate "C" = line.id offset 0) t
          limit 1) stored on true
        where found is null`,
      [textArray(ids), `{${hashes.join()}}`, firstRow],
    );
    const others = rows[0]?.others ?? '';
    return others === '' ? [] : others.split(',').map(Number);
  }

  /**
   * Remembers rows of `from`, which has `change`, `hash`, `stored_at`, `version` and `stored_in`, that are the `same`, in SQL.
   * Not those of transactions before this epoch whose numbers are still to come in it, nor of a table that inherits this one since
   * a moment ago. For rows as others have left them, so before anything is written.
   */
  noteSame(from: string): string {
    return `insert into ${FINGERPRINTS} (hash, place, version, file)
            select hash, stored_at, version, ${this.#file} from ${from}
             where change = 'same' and stored_in = ${this.#relation}
               and version::text::bigint <= txid_current() & 4294967295`;
  }
}

/** Numbers of the table and its file, and all that a fingerprint's meaning depends on. */
interface StoredTable {
  relation: string;
  file: string;
  identity: string;
}

/** Ids as Postgres reads an array; those with characters that it must escape are left to `pg`. */
function textArray(ids: readonly string[]): string | readonly string[] {
  return ids.some((id) => /["\\]/.test(id)) ? ids : `{"${ids.join('","')}"}`;
}
