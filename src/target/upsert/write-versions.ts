import { FileError } from '../../errors/file-error.ts';
import { checkAllStored } from '../../errors/rows-kept-out.ts';
import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import { laterTs, laterTxid } from '../version-number.ts';
import { CHANGES, changedRows, NEW_HASHES } from './changes.ts';
import { DIFFERS, findChanges, ID_ORDER, IS_NEWER } from './find-changes.ts';
import type { Fingerprints } from './fingerprints.ts';
import type { Stage } from './stage.ts';
import { writeNoting } from './write-noting.ts';

/** How often rows are looked at again because others have created, changed or deleted some of them in between. */
const MOST_LOOKS = 5;

export interface WriteVersionsOptions {
  table: ResourceTable;
  /** Where versions go that are overwritten; undefined where they are not kept. */
  history: ResourceTable | undefined;
  /** Whether a row that was updated later than the stage's stays. */
  newestWins: boolean;
  /** In FHIR's spelling. */
  type: string;
  txid: bigint;
  stage: Stage;
  fingerprints: Fingerprints | undefined;
}

/** What became of the stage's rows. */
export interface WrittenVersions {
  created: number;
  updated: number;
  older: number;
}

/**
 * Writes the rows of the stage that the table does not have, or has otherwise, as Aidbox does: the version that a row
 * overwrites is copied to the history, then the row gets `status` updated, new `ts` and `txid`; `cts` stays.
 *
 * A row is locked, looked at, copied and overwritten by one statement, so that the version in the history is the one that
 * was overwritten, no matter who else writes: Postgres evaluates the conditions of `for update` again on a row that it has waited
 * for. Rows that were not there any more, or there by now, are found by another look.
 *
 * New rows come first, and until all of them are in, none is overwritten: two files with the same ids would otherwise wait for
 * each other, where one holds a row that it has overwritten and waits for an id that the other has found stored. What is
 * inserted, nobody finds stored before it is committed.
 * @throws RowsKeptOut; FileError, transient, when others write the same rows again and again
 */
export async function writeVersions(db: Queryable, options: WriteVersionsOptions): Promise<WrittenVersions> {
  const { table, stage, newestWins, fingerprints } = options;
  let created = 0;
  let updated = 0;
  for (let look = 1; look <= MOST_LOOKS; look++) {
    const found = await findChanges(db, table, stage, newestWins, look === 1 ? fingerprints : undefined);
    const inserted = found.new === 0 ? 0 : await insertNew(db, options, found.new);
    created += inserted;
    if (inserted === found.new) {
      const overwritten = found.changed === 0 ? 0 : await overwriteChanged(db, options);
      updated += overwritten;
      if (overwritten === found.changed) return { created, updated, older: found.older };
    }
    await db.query(`delete from ${CHANGES}`);
  }
  const message = '40001: others have written the same resources again and again while the file was loaded';
  throw new FileError(message, { source: 'postgres', code: '40001', transient: true });
}

/** @returns how many rows were overwritten: not those that others have deleted, or made the same or newer, meanwhile */
async function overwriteChanged(
  db: Queryable,
  { table, history, newestWins, type, txid, stage }: WriteVersionsOptions,
): Promise<number> {
  const { rows } = await db.query<{ found: number; kept: number; written: number }>(
    `with former as materialized (
       select t.*, s.ts as next_ts, s.resource as next_resource
         from ${changedRows(stage)} join ${qualifiedName(table)} t on t.id = s.id
        where c.change = 'changed' and ${DIFFERS} ${newestWins ? `and not ${IS_NEWER}` : ''}
        order by ${ID_ORDER}
          for update of t
     ), kept as (
       ${history === undefined ? 'select from former' : copyTo(history, 'former')}
     ), written as (
       update ${qualifiedName(table)} t
          set txid = ${laterTxid('former.txid', '$1::bigint')}, ts = ${laterTs('former.ts', 'former.next_ts')},
              resource_type = $2, status = 'updated', resource = former.next_resource
         from former where t.id = former.id
       returning 1
     )
     select (select count(*)::int from former) as found, (select count(*)::int from kept) as kept,
            (select count(*)::int from written) as written`,
    [txid.toString(), type],
  );
  const { found = 0, kept = 0, written = 0 } = rows[0] ?? {};
  checkAllStored(kept, found, history?.name);
  checkAllStored(written, found);
  return written;
}

/** Copies rows of the table, as they are, to its history. */
export function copyTo(history: ResourceTable, from: string): string {
  return `insert into ${qualifiedName(history)} (id, txid, ts, cts, resource_type, status, resource)
          select id, txid, ts, cts, resource_type, status, resource from ${from} returning 1`;
}

/** @returns how many rows were inserted: not those that others have created meanwhile @throws RowsKeptOut */
async function insertNew(
  db: Queryable,
  { table, history, type, txid, stage, fingerprints }: WriteVersionsOptions,
  wanted: number,
): Promise<number> {
  const versions = history === undefined ? insertedRows(stage) : await versionsAfter(db, history, stage);
  const statement = `insert into ${qualifiedName(table)} (id, txid, ts, resource_type, status, resource) ${versions}
                     on conflict (id) do nothing`;
  const noting = fingerprints && { fingerprints, hashes: NEW_HASHES };
  const { written: inserted } = await writeNoting(db, statement, [txid.toString(), type], noting);
  if (inserted === wanted) return inserted;
  const missing = await db.query(
    `select from ${changedRows(stage)}
      where c.change = 'new' and not exists (select from ${qualifiedName(table)} t where t.id = s.id)`,
  );
  checkAllStored(wanted - (missing.rowCount ?? 0), wanted);
  return inserted;
}

function insertedRows(stage: Stage): string {
  return `select s.id, $1::bigint, s.ts, $2, 'created', s.resource from ${changedRows(stage)} where c.change = 'new'`;
}

/** The same where the history may have versions: `recreated` where one of them says that the resource was deleted once. */
async function versionsAfter(db: Queryable, history: ResourceTable, stage: Stage): Promise<string> {
  const { rows } = await db.query<{ type: string }>(
    `select atttypid::regtype::text as type from pg_attribute where attrelid = $1::regclass and attname = 'status'`,
    [qualifiedName(history)],
  );
  return `select s.id, ${laterTxid('deleted.txid', '$1::bigint')}, ${laterTs('deleted.ts', 's.ts')}, $2,
                 (case when deleted.txid is null then 'created' else 'recreated' end)::${rows[0]?.type}, s.resource
            from ${changedRows(stage)}
            left join lateral (select txid, ts from ${qualifiedName(history)} h
                                where h.id = s.id and h.status = 'deleted' order by txid desc limit 1) deleted on true
           where c.change = 'new'`;
}
