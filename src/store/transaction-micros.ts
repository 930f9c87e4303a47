import type { Queryable } from './query.ts';

/** When the current transaction began, in microseconds since 2000-01-01, as a binary timestamptz counts. */
export async function transactionMicros(db: Queryable): Promise<bigint> {
  const { rows } = await db.query<{ micros: string }>(
    `select (extract(epoch from current_timestamp - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint as micros`,
  );
  const micros = rows[0]?.micros;
  if (micros === undefined) throw new Error('select gave no row');
  return BigInt(micros);
}
