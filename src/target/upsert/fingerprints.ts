import { createHash } from 'node:crypto';
import type pg from 'pg';
import { FINGERPRINTS, MARK_OF_FINGERPRINTS, MAY_USE_FINGERPRINTS } from '../../store/fingerprint-table.ts';
import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import type { RowLookUp } from '../row-look-up.ts';

/** The ids of rows that are not sent, since they are stored already, and their 1-based numbers in the file. */
export const UNSENT = 'pg_temp.fhir_bucket_loader_unsent';

/**
 * Which rows of a file are stored already, by fingerprints of what was compared before. A fingerprint is written only for a
 * row that Postgres has compared with the file's and found the same, so triggers, and whatever else changes a resource on
 * its way into the table, cannot make it wrong. What is hashed are the bytes that would be sent: another format, converter or
 * version of the loader that makes something else of a line has another hash.
 *
 * It holds for one version of one row. Within one file of a table (`relfilenode`) no two versions have both place (ctid) and
 * transaction (xmin) in common: a place is free again only after the transaction that has filled it has ended. What moves rows, and keeps
 * their xmin, makes another file: VACUUM FULL, CLUSTER. What gives old rows other values without writing them makes another
 * column: dropped and added with a default. Both are in the hash, as are cluster, database and the table's mark, so that fingerprints that a
 * dump has brought here mean nothing, and the epoch: numbers of transactions come again after four billion.
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
   * @returns undefined where rows have no lasting place, where somebody has dropped the side table, or the role may not use it, to do without, or emptied it while a
   * load was going on, and for an empty table, whose rows are all new
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
          and ${MAY_USE_FINGERPRINTS} and exists (select from ${qualifiedName(table)})
          and has_function_privilege('pg_control_system()', 'execute')`,
      [qualifiedName(table)],
    );
    const [found] = rows;
    if (found === undefined) return undefined;
    const origin = await db.query<{ cluster: string; mark: string | null }>(
      `select system_identifier::text as cluster, ${MARK_OF_FINGERPRINTS} as mark from pg_control_system()`,
    );
    const { cluster, mark } = origin.rows[0] ?? {};
    if (typeof mark !== 'string') return undefined;
    const scope = createHash('sha256').update(`3 ${cluster} ${mark} ${found.identity}`).digest().subarray(0, 16);
    await db.query(
      `create temporary table if not exists ${UNSENT} (row bigint not null, id text not null) on commit delete rows;
       set local jit = off; set local enable_seqscan = off`,
    );
    return new Fingerprints(table, found, scope);
  }

  /**
   * Looks rows up by their fingerprints: neither stored resources nor the key of the table are read. One scan of the index for
   * all of them took 0.6 times the CPU time of a look-up for each; a row that was noted twice is found twice.
   *
   * `offset 0` keeps Postgres to the order of the look-ups. It may know nothing of the fingerprints, and then expects many
   * for each hash: it read the whole table for each row, which took 5.5 s instead of 15 ms for 2,000 rows of a table of 20,000.
   */
  async findOthers(client: pg.ClientBase, firstRow: number, hashes: Buffer): Promise<number[]> {
    const { rows } = await client.query<{ others: string | null }>(
      `with stored as materialized (
         select f.hash, t.id from ${FINGERPRINTS} f
          cross join lateral (select id from only ${qualifiedName(this.#table)} t
                               where t.ctid = f.place and t.xmin = f.version offset 0) t
          where f.hash = any ($1::uuid[])
       ), line as materialized (
         select n, id from unnest($1::uuid[]) with ordinality as line (hash, n) left join stored using (hash)
       ), noted as (
         insert into ${UNSENT} (row, id) select $2::bigint + n - 1, id from line where id is not null
       )
       select string_agg((n - 1)::text, ',' order by n) as others from line where id is null`,
      [uuidArray(hashes), firstRow],
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
            select hash, stored_at, version, ${this.#file} from ${from} s
              left join lateral (select true as noted from ${FINGERPRINTS} f
                                  where f.hash = s.hash and f.place = s.stored_at and f.version = s.version limit 1) f on true
             where change = 'same' and stored_in = ${this.#relation} and noted is null
               and version::text::bigint <= txid_current() & 4294967295`;
  }
}

/** Numbers of the table and its file, and all that a fingerprint's meaning depends on. */
interface StoredTable {
  relation: string;
  file: string;
  identity: string;
}

/** Postgres's oid of the type uuid. */
const UUID = 2950;
const UUID_BYTES = 16;

/** Hashes as an array in Postgres's binary form: dimensions, whether it has nulls, type, length, first index; then each with its length. */
function uuidArray(hashes: Buffer): Buffer {
  const count = hashes.length / UUID_BYTES;
  const head = [1, 0, UUID, count, 1];
  const array = Buffer.allocUnsafe(4 * head.length + count * (4 + UUID_BYTES));
  let at = 0;
  for (const field of head) at = array.writeInt32BE(field, at);
  for (let from = 0; from < hashes.length; from += UUID_BYTES) {
    at = array.writeInt32BE(UUID_BYTES, at);
    at += hashes.copy(array, at, from, from + UUID_BYTES);
  }
  return array;
}
