import type { BenchData } from '../dataset/bench-data.ts';
import type { BenchDatabase } from '../postgres/bench-database.ts';
import type { Compression } from '../postgres/resource-rows.ts';
import type { FileServer } from '../s3/start-file-server.ts';

/** What one run of a contender took. */
export interface RunFigures {
  /** In s. */
  wallS: number;
  /** CPU time of all that is not Postgres or S3, in s; undefined where Postgres does all the work. */
  cpuS?: number;
  /** CPU time of Postgres in the load alone, in s, where `run` does more than that. */
  postgresCpuS?: number | undefined;
  /** Most memory resident, in bytes; undefined where nobody knows. */
  peakRssBytes?: number;
  /** Further figures of one bench, by name. */
  more?: Readonly<Record<string, number>>;
}

export interface BenchDeps {
  readonly database: BenchDatabase;
  readonly s3: FileServer;
  /** Files at a time. */
  readonly threads: number;
}

/** One way to get the rows of a bucket into Postgres. */
export interface Contender {
  readonly name: string;
  /** For people, in a few words. */
  readonly what: string;
  readonly data: BenchData;
  readonly compression: Compression;
  /** Name of the contender that is its floor; runs of one round are compared. */
  readonly floor: string;
  /** Names another form that the rows come out in; contenders of one form must leave the same rows. */
  readonly rowForm?: string;
  /** Rows that `prepare` puts into the tables besides those of `data`. */
  readonly existing?: BenchData;
  /** Follows the emptying of the tables, unmeasured. */
  prepare?(parts: BenchDeps, data: BenchData): Promise<void>;
  /**
   * Checks what a contender with tables of its own has loaded, instead of comparing rows with the others'.
   * @throws when it is not all
   */
  check?(parts: BenchDeps, data: BenchData, by: string): Promise<void>;
  /** Loads the data. */
  run(parts: BenchDeps): Promise<RunFigures>;
}
