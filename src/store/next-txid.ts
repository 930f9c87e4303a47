import type { Queryable } from './query.ts';

/** The next number of `transaction_id_seq`, from which Aidbox numbers the rows of all resource tables. */
export async function nextTxid(db: Queryable): Promise<bigint> {
  const { rows } = await db.query<{ txid: string }>(`select nextval('transaction_id_seq') as txid`);
  const txid = rows[0]?.txid;
  if (txid === undefined) throw new Error('nextval gave no row');
  return BigInt(txid);
}
