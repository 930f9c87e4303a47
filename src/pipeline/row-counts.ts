/** How far the encoding of a file is; an `NdjsonEncoder` is one. */
export interface RowCounts {
  /** Rows written to COPY. */
  readonly rows: number;
  /** Bytes of ndjson taken in. */
  readonly bytesIn: number;
  /** Time spent scanning lines and writing rows, in ms. */
  readonly busyMs: number;
}
