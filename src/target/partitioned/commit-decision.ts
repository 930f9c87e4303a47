import type pg from 'pg';
import { jsonbText } from '../../store/jsonb-text.ts';
import { QUEUE } from '../../store/loader-file/queue.ts';
import type { Queryable } from '../../store/query.ts';
import { ask, type Statement } from '../../store/statement.ts';
import { keyOfFile } from './file-identity.ts';

/** The decision that a file whose rows lie in several prepared transactions is to be committed. */
export interface CommitDecision {
  attempt: string;
  partitions: number;
  loaded: number;
  /** What else the LoaderFile says once it is `done`. */
  counts?: object;
}

/**
 * Writes the decision down, in the transaction that holds the file. Its commit is the moment at which the whole file is
 * in: from then on its partitions are only committed, never rolled back, by all who find them, whatever becomes of the
 * LoaderFile. `done` follows when all of them are visible.
 */
export async function recordDecision(db: Queryable, id: string, decision: CommitDecision): Promise<void> {
  const { attempt, partitions, loaded, counts = {} } = decision;
  const { rowCount } = await db.query(
    `insert into fhir_bucket_loader.commit_decision (queue, loader_file, attempt, loader_file_cts, bucket, file, partitions, loaded, counts)
     select ${QUEUE}, id, $2, cts, resource ->> 'bucket', resource ->> 'file', $3, $4, $5 from loaderfile where id = $1`,
    [id, attempt, partitions, loaded, jsonbText(counts)],
  );
  if (rowCount !== 1) throw new Error(`LoaderFile ${id} is gone`);
}

/** The attempt at a file that is decided and not completed yet. */
export async function findDecidedAttempt(db: Queryable, id: string): Promise<string | undefined> {
  const { rows } = await db.query<{ attempt: string }>(
    `select attempt from fhir_bucket_loader.commit_decision
      where queue = ${QUEUE} and loader_file = $1`,
    [id],
  );
  return rows[0]?.attempt;
}

/** The files that are decided and not completed yet, of one bucket or of all. */
export async function listDecidedFiles(db: Queryable, bucket?: string): Promise<string[]> {
  return await ask(db, decidedStatement(bucket));
}

/** That of `listDecidedFiles`. */
export function decidedStatement(bucket?: string): Statement<string[]> {
  return {
    text: `select loader_file as id from fhir_bucket_loader.commit_decision
      where queue = ${QUEUE}${bucket === undefined ? '' : ' and bucket = $1'}`,
    values: bucket === undefined ? [] : [bucket],
    read: ({ rows }: pg.QueryResult<{ id: string }>) => rows.map(({ id }) => id),
  };
}

/**
 * Takes the decision away and marks its LoaderFile `done`, unless somebody else has, or the LoaderFile was deleted: one
 * of the same id that was queued since is another one. To be called when all partitions are committed.
 */
export async function completeDecision(db: Queryable, id: string, attempt: string): Promise<void> {
  await db.query(
    `with decided as (
       delete from fhir_bucket_loader.commit_decision
        where queue = ${QUEUE} and loader_file = $1 and attempt = $2
       returning loader_file, loader_file_cts, loaded, counts
     )
     update loaderfile l
        set resource = (l.resource - '{message,error}'::text[])
                       || jsonb_build_object('status', 'done', 'end', $3::text, 'loaded', decided.loaded)
                       || decided.counts,
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from decided
      where l.id = decided.loader_file and l.cts is not distinct from decided.loader_file_cts`,
    [id, attempt, new Date().toISOString()],
  );
}

/** Whether a file, of any schema, that has this key is decided. */
export async function isDecidedKey(db: Queryable, key: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.commit_decision where ${keyOfFile('queue', 'loader_file')} = $1`,
    [key],
  );
  return rowCount !== 0;
}
