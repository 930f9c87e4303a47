import { Gauge, type Registry } from 'prom-client';
import type { Figures } from './database-figures.ts';

const STATUSES = ['pending', 'in-progress', 'done', 'error'];

/**
 * Gauges read from the database. Every replica reports the same, so take the maximum of a fleet, not the sum.
 * While the database does not answer, `database_up` is 0 and the others are absent.
 */
export class DatabaseGauges {
  readonly #up: Gauge;
  readonly #files: Gauge;
  readonly #bytesLeft: Gauge;
  readonly #lastDone: Gauge;
  readonly #indexes: Gauge;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name: `fhir_loader_${name}`, help, labelNames, registers: [registry] });
    this.#up = gauge('database_up', 'Whether the database answered this scrape.');
    this.#files = gauge('files', 'LoaderFiles by status, of buckets called for in the last 7 days.', [
      'bucket',
      'status',
    ]);
    this.#bytesLeft = gauge('bytes_left', 'Bytes of files that wait or are being loaded, as stored.', ['bucket']);
    this.#lastDone = gauge('last_done_timestamp_seconds', 'When a file of the bucket was last loaded.', ['bucket']);
    this.#indexes = gauge('disabled_indexes', 'Dropped indexes that are not back.');
  }

  /** @param figures undefined when the database does not answer */
  set(figures: Figures | undefined): void {
    this.#up.set(figures === undefined ? 0 : 1);
    for (const perBucket of [this.#files, this.#bytesLeft, this.#lastDone]) perBucket.reset();
    this.#indexes.remove();
    if (figures === undefined) return;
    for (const { bucket } of figures.files) {
      // A status that no file has is 0 and not absent: an alert on failed files must be able to end.
      for (const status of STATUSES) this.#files.set({ bucket, status }, 0);
      this.#bytesLeft.set({ bucket }, 0);
    }
    for (const { bucket, status, files, bytes, lastEnd } of figures.files) {
      this.#files.set({ bucket, status }, files);
      if (status === 'pending' || status === 'in-progress') this.#bytesLeft.inc({ bucket }, bytes);
      if (status === 'done' && lastEnd !== null) this.#lastDone.set({ bucket }, lastEnd);
    }
    this.#indexes.set(figures.disabledIndexes);
  }
}
