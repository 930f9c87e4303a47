import { createHash } from 'node:crypto';
import type pg from 'pg';
import { FINGERPRINTS, MARK_OF_FINGERPRINTS, MAY_USE_FINGERPRINTS } from '../../store/fingerprint-table.ts';
import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import { HASH_FIELD_BYTES } from '../row-hash-module.ts';
import type { RowLookUp } from '../row-look-up.ts';
import { RowRanges } from '../row-ranges.ts';
import { UNSENT } from './stage.ts';
import { storesAsGiven } from './stores-as-given.ts';

/** What `noteInserted` needs of the rows that a statement returns. */
export const INSERTED = 'id, ctid as stored_at, xmin as version, tableoid as stored_in';

/**
 * Which rows of a file are stored already, by fingerprints of what was compared or inserted before. A fingerprint is written only
 * for a row that Postgres has compared with the file's and found the same, or has inserted where nothing can change a resource on its
 * way into the table, such as a trigger. What is hashed are the bytes that would be sent: another format, converter or
 * version of the loader that makes something else of a line has another hash. The key of the hash has the table's mark in it, which is random: nobody
 * who writes files can make two resources with one hash.
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
  readonly key: Buffer;
  readonly isEmpty: boolean;
  readonly #table: ResourceTable;
  readonly #relation: string;
  readonly #file: string;

  private constructor(table: ResourceTable, { relation, file, empty }: StoredTable, key: Buffer) {
    this.#table = table;
    this.#relation = relation;
    this.#file = file;
    this.isEmpty = empty;
    this.key = key;
  }

  /**
   * @returns undefined where rows have no lasting place, and where somebody has dropped the side table, to do without, or emptied it while
   * a load was going on, or the role may not use it
   */
  static async open(db: Queryable, table: ResourceTable): Promise<Fingerprints | undefined> {
    const { rows } = await db.query<StoredTable>(
      `select c.oid::text as relation, pg_relation_filenode(c.oid)::text as file, to_regclass('${UNSENT}') is not null as unsent,
              not exists (select from ${qualifiedName(table)}) as empty,
              concat_ws(' ', d.oid, c.oid, pg_relation_filenode(c.oid), txid_current() >> 32,
                (select string_agg(concat(attname, attnum), ' ' order by attname) from pg_attribute
                  where attrelid = c.oid and attname in ('id', 'ts', 'resource'))) as identity
         from pg_class c join pg_am a on a.oid = c.relam and a.amname = 'heap'
         join pg_database d on d.datname = current_database()
        where c.oid = $1::regclass and c.relkind = 'r' and not c.relhassubclass
          and ${MAY_USE_FINGERPRINTS}
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
    const key = createHash('sha256').update(`4 ${cluster} ${mark} ${found.identity}`).digest();
    // Arrays of a look-up are half as dear as rows; to compress them would cost more than that saves.
    await db.query(
      found.unsent
        ? BEFORE_LOOK_UPS
        : `create temporary table ${UNSENT} (rows bigint[] not null, ids text[] not null) on commit delete rows;
           alter table ${UNSENT} alter column rows set storage external, alter column ids set storage external;
           ${BEFORE_LOOK_UPS}`,
    );
    return new Fingerprints(table, found, key);
  }

  /**
   * Looks rows up by their fingerprints: neither stored resources nor the key of the table are read. One scan of the index, and one
   * of the table by place, for all of them, take two thirds of the CPU time of a look-up for each; a row that was noted twice is found
   * twice. Of rows found and others, the fewer are listed.
   */
  async findOthers(client: pg.ClientBase, firstRow: number, hashFields: Buffer): Promise<RowRanges> {
    const { rows } = await client.query<{ areOthers: boolean; listed: string | null }>(
      `with found as materialized (
         select hash, place, version from ${FINGERPRINTS} where hash = any ($1::uuid[])
       ), stored as materialized (
         select hash, id from only ${qualifiedName(this.#table)} t join found on place = t.ctid and version = t.xmin
          where t.ctid = any (array(select place from found))
       ), line as materialized (
         select n, id from unnest($1::uuid[]) with ordinality as line (hash, n) left join stored using (hash)
       ), noted as (
         insert into ${UNSENT} (rows, ids)
         select array_agg($2::bigint + n - 1), array_agg(id) from line where id is not null having count(*) > 0
       )
       select "areOthers", (select string_agg((n - 1)::text, ',' order by n) from line where (id is null) = "areOthers") as listed
         from (select count(id) * 2 > count(*) as "areOthers" from line) counted`,
      [uuidArray(hashFields), firstRow],
    );
    const { areOthers = false, listed = null } = rows[0] ?? {};
    const numbers = listed === null ? [] : listed.split(',').map(Number);
    return areOthers ? RowRanges.of(numbers) : RowRanges.except(numbers, hashFields.length / HASH_FIELD_BYTES);
  }

  /** After the last look-up, before anything else is planned. */
  async endLookUps(db: Queryable): Promise<void> {
    await db.query(AFTER_LOOK_UPS);
  }

  /**
   * Remembers rows of `from`, which has `change`, `hash`, `stored_at`, `version` and `stored_in`, that are the `same`, in SQL.
   * Not those of transactions before this epoch whose numbers are still to come in it, nor of a table that inherits this one since
   * a moment ago. For rows as others have left them, so before anything is written. Sorted, since an index takes values in its order in
   * half of the time.
   */
  noteSame(from: string): string {
    return `insert into ${FINGERPRINTS} (hash, place, version, file)
            select hash, stored_at, version, ${this.#file} from ${from} s
              left join lateral (select true as noted from ${FINGERPRINTS} f
                                  where f.hash = s.hash and f.place = s.stored_at and f.version = s.version limit 1) f on true
             where change = 'same' and stored_in = ${this.#relation} and noted is null
               and version::text::bigint <= txid_current() & 4294967295
             order by hash`;
  }

  /**
   * Remembers rows that a statement has inserted, in SQL: those of `from`, which has INSERTED. Nobody has compared them, but
   * they are stored as given (`storesAsGiven`), and so is the `ts` that a line brings.
   *
   * A fingerprint commits with its row, or is rolled back with it, also to a savepoint. The statement runs in `writeNoting`.
   * @param hashes a FROM item with the `id` and `hash` of each of them
   */
  noteInserted(from: string, hashes: string): string {
    return `insert into ${FINGERPRINTS} (hash, place, version, file)
            select c.hash, w.stored_at, w.version, ${this.#file} from ${from} w join ${hashes} c on c.id = w.id
             where stored_in = ${this.#relation} and ${storesAsGiven(this.#relation)}
             order by c.hash`;
  }
}

/** Numbers of the table and its file, and all that a fingerprint's meaning depends on. */
interface StoredTable {
  relation: string;
  file: string;
  identity: string;
  /** Whether this connection has UNSENT. */
  unsent: boolean;
  empty: boolean;
}

/**
 * Postgres may know nothing of the fingerprints, and its guesses of how many there are for a hash are wrong by thousands: no plan may
 * depend on them. Nor are they asked for with each array of hashes, which took longer than the look-up.
 */
const BEFORE_LOOK_UPS =
  'set local jit = off; set local enable_seqscan = off; set local enable_nestloop = off; set local plan_cache_mode = force_generic_plan';
const AFTER_LOOK_UPS =
  'set local enable_seqscan = default; set local enable_nestloop = default; set local plan_cache_mode = default';

/** Postgres's oid of the type uuid. */
const UUID = 2950;

/** An array in Postgres's binary form: dimensions, whether it has nulls, type, length, first index; then its fields. */
function uuidArray(hashFields: Buffer): Buffer {
  const head = Buffer.alloc(20);
  let at = 0;
  for (const field of [1, 0, UUID, hashFields.length / HASH_FIELD_BYTES, 1]) at = head.writeInt32BE(field, at);
  return Buffer.concat([head, hashFields]);
}
