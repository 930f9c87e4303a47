/** A row of a resource table as read. */
export interface ResourceRow {
  id: string;
  txid: string;
  ts: Date;
  cts: Date;
  resource: Record<string, unknown>;
}

/** The columns of `ResourceRow`. */
export const RESOURCE_COLUMNS = 'id, txid, ts, cts, resource';
