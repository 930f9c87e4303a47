/** A row of a resource table as read. */
export interface ResourceRow {
  id: string;
  txid: string;
  /** Null where somebody wrote it so: Aidbox's columns allow it. */
  ts: Date | null;
  cts: Date | null;
  resource: Record<string, unknown>;
}

/** The columns of `ResourceRow`. */
export const RESOURCE_COLUMNS = 'id, txid, ts, cts, resource';
