import type { Queryable } from './query.ts';

/** The next number of the sequence that all resource tables share (contract: "How a resource is stored"). */
export async function nextTxid(db: Queryable): Promise<bigint> {
  const { rows } = await db.query<{ txid: string }>(`select nextval('transaction_id_seq') as txid`);
  const txid = rows[0]?.txid;
  if (txid === undefined) throw new Error('nextval gave no row');
  return BigInt(txid);
}
