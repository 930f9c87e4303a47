import { checkAllStored } from '../../errors/rows-kept-out.ts';
import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import { laterTs, laterTxid } from '../version-number.ts';
import type { Fingerprints } from './fingerprints.ts';
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
  const { written, updated } = await writeNoting(db, overwriteStatement(options, LATER), values, fingerprints);
  checkAllStored(written, rows);
  return { created: written - updated, updated };
}

/** The same by a statement that Citus takes, which counts nothing. @throws RowsKeptOut */
export async function overwriteDistributed(db: Queryable, options: OverwriteOptions, rows: number): Promise<void> {
  const { rowCount } = await db.query(overwriteStatement(options, PLAIN), [options.txid.toString(), options.type]);
  checkAllStored(rowCount, rows);
}
