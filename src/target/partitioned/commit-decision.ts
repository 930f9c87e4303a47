import type { Queryable } from '../../store/query.ts';

/** The decision that a file whose rows lie in several prepared transactions is to be committed. */
export interface CommitDecision {
  attempt: string;
  loaded: number;
}

/**
 * Writes the decision down. Its commit is the moment at which the whole file is in: from then on the partitions are only
 * committed, never rolled back, by whoever finds them. `done` follows when all of them are visible.
 */
export async function decideCommit(db: Queryable, id: string, decision: CommitDecision): Promise<void> {
  const { rowCount } = await db.query(
    `update loaderfile set resource = resource || jsonb_build_object('commit', $2::jsonb),
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
      where id = $1`,
    [id, decision],
  );
  if (rowCount !== 1) throw new Error(`LoaderFile ${id} is gone`);
}

/** Marks a decided file `done`, unless another replica has. */
export async function completeDecided(db: Queryable, id: string, attempt: string): Promise<void> {
  await db.query(
    `update loaderfile
        set resource = (resource - 'commit')
                       || jsonb_build_object('status', 'done', 'end', $3::text, 'loaded', resource -> 'commit' -> 'loaded'),
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
      where id = $1 and resource -> 'commit' ->> 'attempt' = $2`,
    [id, attempt, new Date().toISOString()],
  );
}

/**
 * Locks a LoaderFile until the end of the transaction and reads which attempt at it is decided.
 * @returns undefined when somebody has the file in hand: then nothing about it is in doubt yet
 */
export async function lockForDecision(
  db: Queryable,
  id: string,
): Promise<{ exists: boolean; attempt?: string } | undefined> {
  const { rows } = await db.query<{ attempt: string | null }>(
    `select resource -> 'commit' ->> 'attempt' as attempt from loaderfile where id = $1 for update skip locked`,
    [id],
  );
  const row = rows[0];
  if (row !== undefined) return { exists: true, ...(row.attempt === null ? {} : { attempt: row.attempt }) };
  const present = await db.query('select from loaderfile where id = $1', [id]);
  return present.rowCount === 0 ? { exists: false } : undefined;
}

/** The bucket's files that are decided but not `done`. */
export async function listDecided(db: Queryable, bucket: string): Promise<{ id: string; attempt: string }[]> {
  const { rows } = await db.query<{ id: string; attempt: string }>(
    `select id, resource -> 'commit' ->> 'attempt' as attempt from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'in-progress' and resource ? 'commit'`,
    [bucket],
  );
  return rows;
}
