import type pg from 'pg';
import { RepeatedId } from '../../errors/repeated-id.ts';
import type { Queryable } from '../../store/query.ts';
import type { RowCopy } from '../row-copy.ts';

/** Of each look-up the ids of rows that are not sent, since they are stored already, and their 1-based numbers in the file. */
export const UNSENT = 'pg_temp.fhir_bucket_loader_unsent';

/** A temporary table that a file's rows are copied into, so that statements can hold them against the resource table. */
export interface Stage {
  /** Quoted for use in a statement. */
  name: string;
  /** Whether its key refuses an id that stands twice. Without one `checkIds` finds it once all rows are there. */
  keyed: boolean;
  /** Whether its first columns are a row's number in the file and its hash, and rows are missing that are stored already. */
  hashed: boolean;
}

/**
 * The stage of a file. A key tells a lenient copy which row to leave out; for all others it is too dear: with it a COPY of
 * 48,000 rows of 1.2 kB took 0.65 s of CPU time instead of 0.5 s, since the pages of its index do not fit into temp_buffers.
 */
export function stageOf({ keyed, hashed = false }: { keyed: boolean; hashed?: boolean }): Stage {
  return { name: `pg_temp.fhir_bucket_loader_${keyed ? 'keyed_' : ''}${hashed ? 'hashed_' : ''}stage`, keyed, hashed };
}

/**
 * Makes the table where this connection does not have it yet; it is empty in every transaction. One for each file would
 * write 20 kB of WAL, of the catalogue, however small the file.
 *
 * Where Postgres has no lz4 its values are not compressed: pglz takes half of the time of a COPY of rows of 3 to 8 kB, and
 * those that are left alone need none of it; the others are compressed as they are written to the resource table.
 */
export async function createStage(db: Queryable, { name, keyed, hashed }: Stage): Promise<void> {
  const { rows } = await db.query<{ exists: boolean; compresses: boolean }>(
    `select to_regclass($1) is not null as exists, current_setting('default_toast_compression', true) = 'lz4' as compresses`,
    [name],
  );
  if (rows[0]?.exists === true) return;
  await db.query(
    `create temporary table ${name} (${hashed ? 'row bigint not null, hash uuid not null, ' : ''}id text not null ${keyed ? 'primary key' : ''},
       ts timestamptz not null default current_timestamp, resource jsonb not null) on commit delete rows`,
  );
  if (rows[0]?.compresses !== true) await db.query(`alter table ${name} alter column resource set storage external`);
}

/** @throws RepeatedId when two rows of the file have one id */
export async function checkIds(db: pg.ClientBase, { name, keyed, hashed }: Stage, copy: RowCopy): Promise<void> {
  if (keyed) return;
  const ids = hashed ? `(select row, id from ${name} union all select unnest(rows), unnest(ids) from ${UNSENT})` : name;
  const isTwice = hashed ? 'min(row) < max(row)' : 'count(*) > 1';
  const twice = await db.query<{ id: string }>(`select id from ${ids} s group by id having ${isTwice} limit 1`);
  const id = twice.rows[0]?.id;
  if (id === undefined) return;
  // Rows lie in the order of the file.
  const { rows } = await db.query<{ row: string }>(
    hashed
      ? `select distinct row from ${ids} s where id = $1 order by row limit 2`
      : `select (select count(*) from ${name} before where before.ctid <= this.ctid) as row
           from ${name} this where id = $1 order by ctid limit 2`,
    [id],
  );
  const [first, second] = rows.map(({ row }) => copy.lineOfRow(Number(row)));
  throw new RepeatedId(id, first, second);
}
