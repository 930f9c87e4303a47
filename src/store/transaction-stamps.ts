import type pg from 'pg';
import type { Queryable } from './query.ts';
import { ask, type Statement } from './statement.ts';

/** The next number of `transaction_id_seq`, from which Aidbox numbers the rows of all resource tables. */
export async function nextTxid(db: Queryable): Promise<bigint> {
  return (await ask(db, NUMBER)).txid;
}

/** The statement of `nextTxid`; it is answered by the process id of its backend as well, which costs nothing beside it. */
export const NUMBER: Statement<{ txid: bigint; pid: number }> = {
  text: `select nextval('transaction_id_seq') as txid, pg_backend_pid() as pid`,
  read: ({ rows: [row] }: pg.QueryResult<{ txid: string; pid: number }>) => {
    if (row === undefined) throw new Error('nextval returned no row');
    return { txid: BigInt(row.txid), pid: row.pid };
  },
};

/** The next `count` numbers, ascending. */
export async function nextTxids(db: Queryable, count: number): Promise<bigint[]> {
  const { rows } = await db.query<{ txid: string }>(
    `select nextval('transaction_id_seq') as txid from generate_series(1, $1::int)`,
    [count],
  );
  return rows.map(({ txid }) => BigInt(txid));
}

/** When the current transaction began, in microseconds since 2000-01-01, as a binary timestamptz counts. */
export async function transactionMicros(db: Queryable): Promise<bigint> {
  const { rows } = await db.query<{ micros: string }>(
    `select (extract(epoch from current_timestamp - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint as micros`,
  );
  const micros = rows[0]?.micros;
  if (micros === undefined) throw new Error('select returned no row');
  return BigInt(micros);
}
