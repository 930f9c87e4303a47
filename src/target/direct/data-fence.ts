import type pg from 'pg';
import { SQLSTATE, sqlstateOf } from '../../errors/sqlstate.ts';
import { commit } from '../../store/commit.ts';
import { jsonbText } from '../../store/jsonb-text.ts';
import { onSession, type Queryable } from '../../store/query.ts';
import type { LoadedData } from './data-attempt.ts';

/** How long the end of a data transaction is waited for that is not over yet. */
const WAIT = '2s';

/** The row of an attempt, unless one is there. Waits for a transaction that has inserted it and is not over. */
const PLANT = 'insert into fhir_bucket_loader.data_fence (attempt) values ($1) on conflict (attempt) do nothing';

/** The first statement of a data transaction. @returns false when the attempt was given up meanwhile: it must not go on */
export async function plantFence(client: Queryable, attempt: string): Promise<boolean> {
  return (await client.query(PLANT, [attempt])).rowCount === 1;
}

/** The last statement of a data transaction before its commit. */
export async function fillFence(client: Queryable, attempt: string, { loaded, counts }: LoadedData): Promise<void> {
  const { rowCount } = await client.query(
    'update fhir_bucket_loader.data_fence set loaded = $2, counts = $3::jsonb where attempt = $1',
    [attempt, loaded, jsonbText(counts)],
  );
  if (rowCount !== 1) throw new Error(`the fence of attempt ${attempt} is gone`);
}

/**
 * Finds out what became of an attempt's data transaction; where it has not committed, it never can afterwards: the row
 * that it begins with is taken.
 * @returns what it brought; undefined when it did not commit; `running` when it is not over
 */
export async function closeFence(pool: pg.Pool, attempt: string): Promise<LoadedData | undefined | 'running'> {
  try {
    await onSession(pool, async (session) => {
      // Not lock_timeout, which a coordinator of Citus does not pass on: the wait is a worker's.
      await session.query(`begin; set local statement_timeout = '${WAIT}'; set local synchronous_commit = on`);
      await session.query(PLANT, [attempt]);
      await commit(session);
    });
  } catch (error) {
    const code = sqlstateOf(error);
    if (code === SQLSTATE.queryCanceled || code === SQLSTATE.lockNotAvailable) return 'running';
    throw error;
  }
  const { rows } = await pool.query<{ loaded: string | null; counts: object | null }>(
    'select loaded, counts from fhir_bucket_loader.data_fence where attempt = $1',
    [attempt],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the fence of attempt ${attempt} is gone`);
  return row.loaded === null ? undefined : { loaded: Number(row.loaded), counts: row.counts ?? {} };
}

/** Takes the row away; only where no transaction of the attempt can come any more. */
export async function removeFence(db: Queryable, attempt: string): Promise<void> {
  await db.query('delete from fhir_bucket_loader.data_fence where attempt = $1', [attempt]);
}

/**
 * Takes away the rows of attempts that are over, where who should have done it died before: each is of a data transaction that
 * has committed, and its attempt is closed. Rows of attempts that were given up stay: their transactions may still be on
 * their way.
 */
export async function sweepFences(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ attempt: string }>(
    'select attempt from fhir_bucket_loader.data_fence where loaded is not null',
  );
  if (rows.length === 0) return;
  // After that: an attempt is there before its fence, until it is closed.
  const { rows: open } = await db.query<{ attempt: string }>('select attempt from fhir_bucket_loader.data_attempt');
  const inUse = new Set(open.map(({ attempt }) => attempt));
  const over = rows.map(({ attempt }) => attempt).filter((attempt) => !inUse.has(attempt));
  await db.query('delete from fhir_bucket_loader.data_fence where attempt = any ($1)', [over]);
}
