/**
 * Number and time of a version that is written over, or after, another one; in SQL. A file takes its number, and its transaction its
 * time, before its rows are read; what others commit in between has later ones, though it is the earlier version. Aidbox
 * lists versions by them, so that a file takes new ones for such rows.
 */
export interface LaterVersion {
  /** The `txid` of the version before; null where there is none. */
  before: string;
  /** The file's number. */
  txid: string;
}

/** The `txid` of the version. */
export function laterTxid({ before, txid }: LaterVersion): string {
  return `case when ${before} > ${txid} then nextval('transaction_id_seq') else ${txid} end`;
}

/** Its `ts`. @param ts what the file has for it: a time of its own is kept */
export function laterTs({ before, txid }: LaterVersion, ts: string): string {
  return `case when ${before} > ${txid} and ${ts} = current_timestamp then clock_timestamp() else ${ts} end`;
}
