/**
 * Number and time of a version that comes after another one, in SQL. A file takes its number, and its transaction its time,
 * before its rows are read; what others commit in between has later ones, though it is the earlier version. Aidbox lists
 * versions by them, so that a file takes new ones for such rows.
 */

/**
 * The `txid` of a version. The sequence may stand below what rows have, as in a database that was copied without it, or by logical
 * replication: it is then the next one after that of the version before.
 * @param before that of the version before; null where there is none
 * @param txid the file's
 */
export function laterTxid(before: string, txid: string): string {
  return `case when ${before} >= ${txid} then greatest(nextval('transaction_id_seq'), ${before} + 1) else ${txid} end`;
}

/**
 * The `ts` of a version.
 * @param before that of the version before; null where there is none
 * @param ts the file's: the time of its transaction, or one that the line brings, which is kept
 */
export function laterTs(before: string, ts: string): string {
  return `case when ${before} > ${ts} and ${ts} = current_timestamp then clock_timestamp() else ${ts} end`;
}
