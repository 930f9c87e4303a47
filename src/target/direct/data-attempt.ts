import type pg from 'pg';
import { jsonbText } from '../../store/jsonb-text.ts';
import { QUEUE } from '../../store/loader-file/queue.ts';
import type { Queryable } from '../../store/query.ts';
import type { Statement } from '../../store/statement.ts';

/** An attempt at a file whose rows have a transaction of their own, on a data connection. */
export interface DataAttempt {
  /** The LoaderFile's id. */
  id: string;
  attempt: string;
}

/** What a data transaction has brought. */
export interface LoadedData {
  loaded: number;
  /** What else the LoaderFile says once it is `done`. */
  counts: object;
}

/** Of a row `a` of data_attempt: it is this attempt. */
const THIS = `a.queue = ${QUEUE} and a.loader_file = $1 and a.attempt = $2`;

/** Writes an attempt down, in a transaction that has the file locked; it is one once that has committed. */
export async function recordDataAttempt(db: Queryable, { id, attempt }: DataAttempt): Promise<void> {
  const { rowCount } = await db.query(
    `insert into fhir_bucket_loader.data_attempt (queue, loader_file, attempt, loader_file_cts, bucket, file)
     select ${QUEUE}, id, $2, cts, resource ->> 'bucket', resource ->> 'file' from loaderfile where id = $1`,
    [id, attempt],
  );
  if (rowCount !== 1) throw new Error(`LoaderFile ${id} is gone`);
}

/**
 * Locks the file again, for its attempt, until the end of the transaction.
 * @returns false when somebody else has it, has resolved the attempt, or has deleted the LoaderFile
 */
export async function lockForAttempt(db: Queryable, { id, attempt }: DataAttempt): Promise<boolean> {
  const locked = await db.query(
    `select from loaderfile l where l.id = $1 and l.resource ->> 'status' = 'in-progress' for update skip locked`,
    [id],
  );
  if (locked.rowCount !== 1) return false;
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.data_attempt a join loaderfile l on l.id = a.loader_file
      where ${THIS} and l.cts is not distinct from a.loader_file_cts`,
    [id, attempt],
  );
  return rowCount === 1;
}

/** Who has the LoaderFile of an attempt: this transaction, from now on; somebody else; or nobody, since it was deleted. */
export async function tryLockLoaderFile(db: Queryable, id: string): Promise<'locked' | 'busy' | 'deleted'> {
  const { rowCount } = await db.query('select from loaderfile l where l.id = $1 for update skip locked', [id]);
  if (rowCount === 1) return 'locked';
  const seen = await db.query('select from loaderfile l where l.id = $1', [id]);
  return seen.rowCount === 1 ? 'busy' : 'deleted';
}

/** Locks the attempt until the end of the transaction. @returns false when it is resolved, or somebody is resolving it */
export async function tryLockAttempt(db: Queryable, { id, attempt }: DataAttempt): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.data_attempt a where ${THIS} for update skip locked`,
    [id, attempt],
  );
  return rowCount === 1;
}

/** Whether the attempt stands: nobody has said yet what became of its file. */
export async function isOpen(db: Queryable, { id, attempt }: DataAttempt): Promise<boolean> {
  const { rowCount } = await db.query(`select from fhir_bucket_loader.data_attempt a where ${THIS}`, [id, attempt]);
  return rowCount === 1;
}

/** Takes the attempt away, in the transaction that says what became of the file. */
export async function closeDataAttempt(db: Queryable, { id, attempt }: DataAttempt): Promise<void> {
  await db.query(`delete from fhir_bucket_loader.data_attempt a where ${THIS}`, [id, attempt]);
}

/**
 * Marks the attempt's LoaderFile `done`, unless it was deleted: one of the same id that was queued since is another one.
 */
export async function completeAttempt(db: Queryable, { id, attempt }: DataAttempt, data: LoadedData): Promise<void> {
  const change = { status: 'done', end: new Date().toISOString(), loaded: data.loaded, ...data.counts };
  await db.query(
    `update loaderfile l
        set resource = (l.resource - '{message,error}'::text[]) || $3::jsonb,
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from fhir_bucket_loader.data_attempt a
      where ${THIS} and l.id = a.loader_file and l.cts is not distinct from a.loader_file_cts`,
    [id, attempt, jsonbText(change)],
  );
}

/** Gives the attempt's LoaderFile back to the queue. */
export async function requeueAttempt(db: Queryable, { id, attempt }: DataAttempt): Promise<void> {
  await db.query(
    `update loaderfile l
        set resource = (l.resource - 'start') || '{"status": "pending"}',
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from fhir_bucket_loader.data_attempt a
      where ${THIS} and l.id = a.loader_file and l.cts is not distinct from a.loader_file_cts
        and l.resource ->> 'status' = 'in-progress'`,
    [id, attempt],
  );
}

/** All attempts of the queue whose end is not known here, those of running replicas among them. */
export const DATA_ATTEMPTS: Statement<DataAttempt[]> = {
  text: `select loader_file as id, attempt from fhir_bucket_loader.data_attempt where queue = ${QUEUE}`,
  read: ({ rows }: pg.QueryResult<DataAttempt>) => rows,
};

/** Whether the bucket has an attempt whose LoaderFile was deleted: no list of files shows it any more. */
export async function hasOrphanedAttempt(db: Queryable, bucket: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.data_attempt a
      where a.queue = ${QUEUE} and a.bucket = $1
        and not exists (select from loaderfile l where l.id = a.loader_file and l.cts is not distinct from a.loader_file_cts)
      limit 1`,
    [bucket],
  );
  return rowCount !== 0;
}
