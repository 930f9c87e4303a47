import { COMMIT_LAZILY } from '../durability.ts';
import type { Queryable } from '../query.ts';
import { ask, type Statement, Statements } from '../statement.ts';
import { type LoaderFile, loaderFileSchema } from './loader-file.ts';
import { RESULT_MEMBERS } from './stored-rows.ts';

/**
 * The table of the LoaderFiles, by its oid, in SQL: which queue this is. Other schemas of the database may have a queue,
 * and a loader, of their own; what the loader keeps beside it in schema `fhir_bucket_loader` says whose it is.
 */
export const QUEUE = `'loaderfile'::regclass::oid`;

/** Files whose commit has yet to be resolved. One relation: asked for by two EXISTS, a claim of 256 files takes three times as long. */
const UNRESOLVED = `(select queue, loader_file from fhir_bucket_loader.commit_decision
                    union all select queue, loader_file from fhir_bucket_loader.data_attempt)`;

/**
 * Of a LoaderFile `l`: the commit of its rows is decided, and has only to be completed; or an attempt at it has a data
 * transaction whose end is not known. Nobody may claim, queue or delete it then. A statement that has waited for the row, or
 * skipped others' locks, has perhaps begun before the decision: it must ask once more, by another statement, when it has the lock.
 */
export const DECIDED = `exists (select from ${UNRESOLVED} d where d.queue = ${QUEUE} and d.loader_file = l.id)`;

/** Whether one of these LoaderFiles, which the caller has locked or deleted, is decided. */
export async function hasDecidedFile(db: Queryable, ids: readonly string[]): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from ${UNRESOLVED} d where d.queue = ${QUEUE} and d.loader_file = any ($1) limit 1`,
    [ids],
  );
  return rowCount !== 0;
}

/**
 * Locks a file until the end of the transaction, without waiting.
 * @returns false when somebody else has it, its status is none of `statuses` by now, it is deleted, or its rows are
 * committed already and only `done` is missing
 */
export async function lockFile(db: Queryable, id: string, statuses: readonly string[]): Promise<boolean> {
  const { lock, isDecided } = lockStatements(id, statuses);
  return (await ask(db, lock)) && !(await ask(db, isDecided));
}

/** The two of `lockFile`. The file is locked where the first is answered by true, and the second, sent after it, by false. */
export function lockStatements(
  id: string,
  statuses: readonly string[],
): { lock: Statement<boolean>; isDecided: Statement<boolean> } {
  return {
    lock: {
      text: `select from loaderfile l where l.id = $1 and l.resource ->> 'status' = any ($2) for update skip locked`,
      values: [id, statuses],
      read: ({ rowCount }) => rowCount === 1,
    },
    // Once it is locked: a statement begun before the decision was committed would not see that.
    isDecided: {
      text: `select from loaderfile l where l.id = $1 and ${DECIDED}`,
      values: [id],
      read: ({ rowCount }) => rowCount !== 0,
    },
  };
}

/**
 * Locks several files until the end of the transaction, without waiting, as `lockFile` does one.
 * @returns the ids of those that are locked and may be loaded
 */
export async function lockFiles(
  db: Queryable,
  ids: readonly string[],
  statuses: readonly string[],
): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>(
    `select l.id from loaderfile l
      where l.id = any ($1) and l.resource ->> 'status' = any ($2) order by l.id for update skip locked`,
    [ids, statuses],
  );
  const locked = new Set(rows.map(({ id }) => id));
  const decided = await db.query<{ id: string }>(`select l.id from loaderfile l where l.id = any ($1) and ${DECIDED}`, [
    [...locked],
  ]);
  for (const { id } of decided.rows) locked.delete(id);
  return locked;
}

/** A file that waits in the queue, with what the order of work depends on. */
export interface QueuedFile {
  id: string;
  key: string;
  type: string;
  /** Size in bytes. */
  size: number;
  /** Null when nobody wrote it down. */
  etag: string | null;
  /** ISO 8601, UTC; empty when nobody wrote it down. */
  lastModified: string;
}

/** A file claimed for loading. */
export interface ClaimedFile {
  id: string;
  file: LoaderFile;
}

/**
 * Takes the first `most` of `ids` that are unfinished and that nobody loads, and marks them `in-progress`.
 *
 * The mark is for people; it is no lock. The lock is taken by `lockFile`, or `lockFiles`, in the transaction that loads the
 * rows, a moment later: should another replica claim the same file in between, one of the two gets the lock and the
 * other moves on. What a dead replica had locked, Postgres has unlocked, and it is claimed here like any other.
 * The ids come from the caller, in its order of work, so a claim costs a few look-ups by primary key however long
 * the queue is, on Aidbox's own table as well, which has no index by status. `any` has Postgres look them up: by the joins
 * alone it reads a queue of 20,000 files whole, twice, for each batch of 256. Should Postgres crash, a mark may be lost: the commit does
 * not wait for the disk, which first takes all that the other files have written (100 MB: 24 claims of 20 to 26 ms each, without that wait 5 to 10; medians, busy).
 */
export async function claimLoaderFiles(db: Queryable, ids: readonly string[], most: number): Promise<ClaimedFile[]> {
  const statements = new Statements();
  statements.add(COMMIT_LAZILY);
  const claim = statements.add(claimStatement(ids, most));
  await statements.send(db);
  const claimed = new Map(claim().map(({ id, resource }) => [id, { id, file: loaderFileSchema.parse(resource) }]));
  return ids.flatMap((id) => claimed.get(id) ?? []);
}

function claimStatement(ids: readonly string[], most: number): Statement<readonly { id: string; resource: unknown }[]> {
  return {
    text: `with next as materialized (
       select l.id
         from unnest($1::text[]) with ordinality as wanted(id, place)
         join loaderfile l on l.id = wanted.id
        where l.id = any ($1) and l.resource ->> 'status' in ('pending', 'in-progress') and not ${DECIDED}
        order by wanted.place
        limit $3::bigint
          for update of l skip locked
     )
     update loaderfile l
        set resource = (l.resource - ${RESULT_MEMBERS})
                       || jsonb_build_object('status', 'in-progress', 'start', $2::text),
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from next
      where l.id = next.id and l.id = any ($1)
     returning l.id, l.resource`,
    values: [ids, new Date().toISOString(), String(most)],
    read: ({ rows }) => rows,
  };
}

/**
 * Gives files back to the queue that are marked `in-progress` though nobody loads them: what replicas that died had
 * in flight. A file being loaded is locked and passed over.
 */
export async function releaseOrphans(db: Queryable, bucket: string): Promise<void> {
  await db.query(
    `with orphan as materialized (
       select l.id from loaderfile l
        where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' = 'in-progress' and not ${DECIDED}
          for update skip locked
     )
     update loaderfile l
        set resource = (l.resource - 'start') || '{"status": "pending"}',
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from orphan where l.id = orphan.id`,
    [bucket],
  );
}
