import { Gauge, type Registry } from 'prom-client';
import type { Figures } from './database-figures.ts';

/**
 * What the database knows. Every replica tells the same, so take the maximum of a fleet, not the sum.
 * While the database does not answer, `database_up` is 0 and the others are absent.
 */
export class DatabaseGauges {
  readonly #up: Gauge;
  readonly #queue: Gauge;
  readonly #files: Gauge;
  readonly #indexes: Gauge;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name: `fhir_loader_${name}`, help, labelNames, registers: [registry] });
    this.#up = gauge('database_up', 'Whether the database answered this scrape.');
    this.#queue = gauge('queue_files', 'Files that wait to be loaded, of buckets called for in the last 7 days.');
    this.#files = gauge('files', 'LoaderFiles by status, of buckets called for in the last 7 days.', [
      'bucket',
      'status',
    ]);
    this.#indexes = gauge('disabled_indexes', 'Dropped indexes that are not back.');
  }

  /** @param figures undefined when the database does not answer */
  set(figures: Figures | undefined): void {
    this.#up.set(figures === undefined ? 0 : 1);
    this.#files.reset();
    this.#queue.remove();
    this.#indexes.remove();
    if (figures === undefined) return;
    let pending = 0;
    for (const { bucket, status, files } of figures.files) {
      this.#files.set({ bucket, status }, files);
      if (status === 'pending') pending += files;
    }
    this.#queue.set(pending);
    this.#indexes.set(figures.disabledIndexes);
  }
}
