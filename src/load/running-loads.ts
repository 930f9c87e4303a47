import type { TableStatistics } from '../indexes/table-statistics.ts';
import { Load } from './load.ts';
import type { LoadOptions } from './load-options.ts';
import type { NumberedRequest } from './load-request.ts';

/** The loads of this process, one per bucket that takes further calls. */
export class RunningLoads {
  readonly #options: LoadOptions;
  readonly #statistics: TableStatistics;
  readonly #firstLoad = Promise.withResolvers<void>();
  /** By bucket: the one that takes further calls. */
  readonly #loads = new Map<string, Load>();
  /** All that run, also those that restore their indexes while a newer one loads. */
  readonly #running = new Set<Load>();

  /** @param statistics refreshed for the tables that a load leaves to this process */
  constructor(options: LoadOptions, statistics: TableStatistics) {
    this.#options = options;
    this.#statistics = statistics;
  }

  /** Resolves when the first load that has loaded something has ended. */
  get firstLoad(): Promise<void> {
    return this.#firstLoad.promise;
  }

  /** Hands a call to the bucket's load, or begins one. Resolves when every replica's status shows it. */
  async begin(request: NumberedRequest): Promise<void> {
    const { bucket } = request;
    const { recovery } = this.#options;
    if (this.#loads.get(bucket)?.call(request) === true) return;
    const load = new Load(request, this.#options);
    this.#loads.set(bucket, load);
    this.#running.add(load);
    recovery.loadBegins();
    void load.ended.then((types) => {
      recovery.loadEnds();
      this.#statistics.refresh(types);
      this.#running.delete(load);
      if (this.#loads.get(bucket) === load) this.#loads.delete(bucket);
      if (types.length > 0) this.#firstLoad.resolve();
    });
    await load.announced;
  }

  /** A load of the bucket that goes on in this process, also one that takes no further call. */
  find(bucket: string): Load | undefined {
    return [...this.#running].find((load) => load.bucket === bucket && !load.isOver);
  }

  /** Cancels the bucket's load in this process, if it takes further calls. */
  cancel(bucket: string): void {
    this.#loads.get(bucket)?.cancel();
  }

  /** Stops all loads; files in flight may end within `graceMs`. Resolves when nothing runs any more. */
  async stop(graceMs: number): Promise<void> {
    const loads = [...this.#running];
    for (const load of loads) load.stop(graceMs);
    await Promise.all(loads.map((load) => load.ended));
  }
}
