import { finished } from 'node:stream/promises';
import pLimit from 'p-limit';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { BackendWatch } from './backend-watch.ts';
import { cancellable } from './cancellable.ts';
import { connectClient, type DatabaseAddress } from './connection-options.ts';

/** An id that stands more than once, and where it does first. */
export interface RepeatedId {
  /** What stands for its type. */
  type: number;
  id: string;
  /** What stands for the files, and the lines in them. */
  places: { file: number; line: number }[];
}

/** All ids that stand more than once. */
export interface RepeatedIds {
  count: number;
  inTwoFiles: number;
  /** Twice within one file; those that stand in another as well count in both. */
  twiceInOneFile: number;
  examples: RepeatedId[];
}

/** What lets a file fail for ids that it repeats. */
export interface RepeatLimits {
  /** Whether ids of other files count, or only those of the same one. */
  acrossFiles: boolean;
  /** Most lines of a file that are left out. */
  most: number;
  /** By what stands for the file, its lines that are left out already. */
  leftOut: ReadonlyMap<number, number>;
  /** Files that fail anyway: their ids do not count. */
  failing: readonly number[];
}

/** Places that an example names. */
const MOST_PLACES = 10;

/**
 * The ids of many files, to find those that stand twice: in a temporary table of a session of its own, so that they take
 * no memory here, and Postgres drops them however the session ends. A resource takes some 80 bytes there. Each batch is a
 * transaction: one that lasted as long as the reading would keep VACUUM from all tables.
 */
export class SeenIds {
  readonly #pool: pg.Pool;
  readonly #client: pg.Client;
  readonly #unwatch: () => void;
  readonly #oneAtATime = pLimit(1);

  private constructor(pool: pg.Pool, client: pg.Client, unwatch: () => void) {
    this.#pool = pool;
    this.#client = client;
    this.#unwatch = unwatch;
  }

  /** @param pool where a statement of the session is cancelled, and its loss is noticed */
  static async open(address: DatabaseAddress, pool: pg.Pool): Promise<SeenIds> {
    const client = await connectClient(address);
    try {
      const unwatch = await new BackendWatch(pool).watch(client);
      await client.query(
        'create temporary table seen_id (type int not null, file int not null, line bigint not null, id text collate "C" not null)',
      );
      return new SeenIds(pool, client, unwatch);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
  }

  /** Adds the rows of a COPY BINARY stream, as `IdBatches` makes them. */
  async add(batch: Uint8Array): Promise<void> {
    await this.#oneAtATime(async () => {
      const copy = this.#client.query(
        copyFrom('copy pg_temp.seen_id (type, file, line, id) from stdin (format binary)'),
      );
      const ended = finished(copy);
      copy.end(batch);
      await ended;
    });
  }

  /**
   * Finds the ids that stand more than once.
   * @param most examples
   */
  async findRepeated(most: number, signal: AbortSignal): Promise<RepeatedIds> {
    const stop = { signal, graceMs: 0 };
    return await cancellable(this.#pool, this.#client, stop, async () => {
      await this.#client.query(
        `analyze pg_temp.seen_id;
         create temporary table repeated_id as
           select type, id, count(*) as places, min(file) <> max(file) as in_two_files
             from pg_temp.seen_id group by type, id having count(*) > 1;
         analyze pg_temp.repeated_id`,
      );
      // Only of ids with more places than two files need, the places are looked at again.
      const counted = await this.#client.query<Omit<RepeatedIds, 'examples'>>(
        `with in_both_ways as (
           select from pg_temp.seen_id join pg_temp.repeated_id using (type, id) where in_two_files and places > 2
            group by type, id having count(*) > count(distinct file)
         )
         select count(*)::float8 as count,
                count(*) filter (where in_two_files)::float8 as "inTwoFiles",
                (count(*) filter (where not in_two_files) + (select count(*) from in_both_ways))::float8 as "twiceInOneFile"
           from pg_temp.repeated_id`,
      );
      const { rows } = await this.#client.query<{ type: number; id: string; files: number[]; lines: number[] }>(
        `with example as materialized (
           select type, id from pg_temp.repeated_id order by in_two_files desc, type, id limit $1
         ), place as (
           select type, id, file, line, row_number() over (partition by type, id order by file, line) as number
             from pg_temp.seen_id join example using (type, id)
         )
         select type, id, array_agg(file order by number) as files, array_agg(line::float8 order by number) as lines
           from place where number <= $2 group by type, id order by type, id`,
        [most, MOST_PLACES],
      );
      const examples = rows.map(({ type, id, files, lines }) => ({
        type,
        id,
        places: files.map((file, at) => ({ file, line: lines[at] ?? 0 })),
      }));
      return { ...(counted.rows[0] ?? { count: 0, inTwoFiles: 0, twiceInOneFile: 0 }), examples };
    });
  }

  /**
   * Counts the files, besides those that fail anyway, with more bad lines than may be left out, if each id that stands before, in the
   * file or in one with a lower number, makes one more. Only after `findRepeated`.
   */
  async countFilesToFail({ acrossFiles, most, leftOut, failing }: RepeatLimits, signal: AbortSignal): Promise<number> {
    const group = acrossFiles ? 'type, id' : 'type, id, file';
    return await cancellable(this.#pool, this.#client, { signal, graceMs: 0 }, async () => {
      const { rows } = await this.#client.query<{ files: number }>(
        `with place as (
           select file, row_number() over (partition by ${group} order by file, line) as number
             from pg_temp.seen_id join pg_temp.repeated_id using (type, id) where file <> all ($1::int[])
         ), repeat as (
           select file, count(*) as lines from place where number > 1 group by file
         ), left_out as (
           select file, lines from unnest($2::int[], $3::int[]) as l (file, lines)
         )
         select count(*)::float8 as files from repeat left join left_out using (file)
          where repeat.lines + coalesce(left_out.lines, 0) > $4`,
        [failing, [...leftOut.keys()], [...leftOut.values()], most],
      );
      return rows[0]?.files ?? 0;
    });
  }

  /** Drops them. */
  async close(): Promise<void> {
    this.#unwatch();
    await this.#client.end().catch(() => {});
  }
}
