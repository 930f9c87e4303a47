import { checkAllStored } from '../../errors/rows-kept-out.ts';
import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import { laterTs, laterTxid } from '../version-number.ts';
import { NEW_HASHES } from './changes.ts';
import { differs, ID_ORDER } from './find-changes.ts';
import type { Fingerprints } from './fingerprints.ts';
import type { Stage } from './stage.ts';
import { writeNoting } from './write-noting.ts';

export interface OverwriteOptions {
  table: ResourceTable;
  /** In FHIR's spelling. */
  type: string;
  txid: bigint;
  /** A FROM item with the columns `s.id`, `s.ts` and `s.resource`. */
  from: string;
}

/** What `do update` sets `txid` and `ts` to, in SQL. */
interface VersionStamps {
  txid: string;
  ts: string;
}

const LATER: VersionStamps = {
  txid: laterTxid('existing.txid', 'excluded.txid'),
  ts: laterTs('existing.ts', 'excluded.ts'),
};
/** Citus takes only immutable functions in `do update set`: a file's number may be lower there than that of the version before. */
const PLAIN: VersionStamps = { txid: 'excluded.txid', ts: 'excluded.ts' };

/**
 * Inserts rows, and overwrites those whose ids the table has, since whenever: `status` updated, `ts` and `txid` new, `cts`
 * kept.
 */
function overwriteStatement({ table, from }: OverwriteOptions, stamps: VersionStamps): string {
  return `insert into ${qualifiedName(table)} as existing (id, txid, ts, resource_type, status, resource)
     select s.id, $1, s.ts, $2, 'created', s.resource from ${from}
     on conflict (id) do update
        set txid = ${stamps.txid}, ts = ${stamps.ts}, resource_type = excluded.resource_type,
            status = 'updated', resource = excluded.resource`;
}

/**
 * Writes rows, whatever the table has, and counts what they were.
 * @param rows how many they are
 * @param fingerprints remembers those that are inserted
 * @throws RowsKeptOut
 */
export async function overwrite(
  db: Queryable,
  options: OverwriteOptions,
  rows: number,
  fingerprints: Fingerprints | undefined,
): Promise<{ created: number; updated: number }> {
  const { txid, type } = options;
  const values = [txid.toString(), type];
  const noting = fingerprints && { fingerprints, hashes: NEW_HASHES };
  const { written, updated } = await writeNoting(db, overwriteStatement(options, LATER), values, noting);
  checkAllStored(written, rows);
  return { created: written - updated, updated };
}

/**
 * Writes the rows of the stage that the table does not have, or has otherwise, without a look at them before: for a file
 * of which nearly all rows are to be written, where that look would be a fifth of the work. Rows that are the same are locked, not written.
 *
 * What is not written counts as the same, so this is only for tables that keep out no row and change none (`mostlyDiffers`). In the order
 * of ids, by their places: to sort wide rows takes longer than to read them in another order.
 * @param fingerprints remembers rows that are inserted
 * @param onlyNew whether rows are passed over whose ids the table has when the statement begins
 */
export async function overwriteDiffering(
  db: Queryable,
  { table, type, txid }: Omit<OverwriteOptions, 'from'>,
  { name }: Stage,
  fingerprints: Fingerprints,
  onlyNew = false,
): Promise<{ created: number; updated: number }> {
  const which = onlyNew ? `where not exists (select from ${qualifiedName(table)} t where t.id = s.id)` : '';
  const from = `(select s.ctid as place from ${name} s ${which} order by ${ID_ORDER}) c
                cross join lateral (select id, ts, resource from ${name} where ctid = c.place limit 1) s`;
  const statement = `${overwriteStatement({ table, type, txid, from }, LATER)} where ${differs('existing', 'excluded')}`;
  const noting = { fingerprints, hashes: name, hasOthers: true };
  const { written, updated } = await writeNoting(db, statement, [txid.toString(), type], noting);
  return { created: written - updated, updated };
}

/** The same by a statement that Citus takes, which counts nothing. @throws RowsKeptOut */
export async function overwriteDistributed(db: Queryable, options: OverwriteOptions, rows: number): Promise<void> {
  const { rowCount } = await db.query(overwriteStatement(options, PLAIN), [options.txid.toString(), options.type]);
  checkAllStored(rowCount, rows);
}
