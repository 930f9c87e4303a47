import type { RowCounts } from '../pipeline/row-counts.ts';
import type { RowEncoder } from '../pipeline/row-encoder.ts';

/** What every copy counts, as its encoder does. */
export abstract class EncodedCopy implements RowCounts {
  protected abstract readonly encoder: RowEncoder;

  get rows(): number {
    return this.encoder.rows;
  }

  get bytesIn(): number {
    return this.encoder.bytesIn;
  }

  get pendingBytes(): number {
    return this.encoder.pendingBytes;
  }

  get busyMs(): number {
    return this.encoder.busyMs;
  }
}
