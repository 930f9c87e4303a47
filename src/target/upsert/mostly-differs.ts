import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import { DIFFERS } from './find-changes.ts';
import type { Stage } from './stage.ts';
import { storesAsGiven } from './stores-as-given.ts';

/** A file with fewer rows is always looked at. Of 14 files with 400 to 1,900 large rows those above this number took Postgres a tenth of the CPU time less by a sample. */
const FEWEST_ROWS = 1_000;
/** How many rows of such a file are compared, and of how many at least, where not all of it has been sent. */
const SAMPLE = 200;
const SMALLEST_SAMPLE = 50;
/** The part of them that has to be new or changed. */
const NEARLY_ALL = 0.9;

/** Where a file's rows lie over more pages than this for each of them, most of its pages have one of them alone. */
const PAGES_PER_ROW = 4;

/**
 * A table holds a file's rows in an order if so many of a sample are stored behind the one before them; of any other order half are. Postgres puts
 * small rows into what room is left on pages before.
 */
const IN_ORDER = 0.7;

/** How a file is best written of which nearly all rows differ. */
export interface Differing {
  /** Whether its rows may be most of the rows of the pages that they are in: those of other files in the table say nothing about that. */
  fillPages: boolean;
  /** Whether nearly all of its rows are stored, and lie in the order of its lines, not in that of their ids (`overwriteInFileOrder`). */
  inFileOrder: boolean;
}

/**
 * Whether nearly all rows of the stage are new or changed, as a sample tells, and may be written by `overwriteDiffering`:
 * where nothing keeps rows out of the table, changes them on their way or refuses those that it would not write. Such a thing cannot come any more
 * before the transaction ends. A wrong guess costs time, nothing else.
 * @param rows of the file, with those that were not sent
 * @returns undefined where not
 */
export async function mostlyDiffers(
  db: Queryable,
  table: ResourceTable,
  stage: Stage,
  rows: number,
): Promise<Differing | undefined> {
  if (rows < FEWEST_ROWS) return undefined;
  const name = qualifiedName(table);
  await db.query(`lock table only ${name} in row exclusive mode; set local jit = off; set local enable_seqscan = off`);
  const result = await db.query<Sample>(
    `with looked as (
       select t.id is null or ${DIFFERS} as differs, t.place, s.id, s.ctid as line
         from ${stage.name} s tablesample bernoulli (${(100 * SAMPLE) / rows})
         left join lateral (select id, ts, resource, ctid as place from ${name} where id = s.id limit 1) t on true
     ), compared as (
       select *, place > lag(place) over (order by line) as follows_line, place > lag(place) over (order by id collate "C") as follows_id
         from looked
     )
     select count(*)::int as sampled, (count(*) filter (where differs))::int as differing,
            (count(*) filter (where follows_line))::int as "byLine", (count(*) filter (where follows_id))::int as "byId",
            (select ${storesAsGiven('c.oid')} and not row_security_active(c.oid) and not relhassubclass and not relispartition
                    and not exists (select from pg_constraint where conrelid = c.oid and contype = 'c')
               from pg_class c where c.oid = $1::regclass) as plain,
            percentile_disc(array[0.1, 0.9]) within group (order by (place::text::point)[0]) as blocks
       from compared`,
    [name],
  );
  await db.query('set local enable_seqscan = default');
  const [sample] = result.rows;
  if (sample === undefined) return undefined;
  const { sampled, differing, byLine, byId, plain, blocks } = sample;
  if (!plain || sampled < SMALLEST_SAMPLE || differing < NEARLY_ALL * sampled) return undefined;
  // All but a fifth of the rows that are stored: few that lie elsewhere cost little.
  const [first = 0, last = 0] = blocks ?? [];
  return {
    fillPages: 2 * sampled > SAMPLE && last - first < PAGES_PER_ROW * rows,
    inFileOrder: byLine >= IN_ORDER * sampled && byLine > byId,
  };
}

/** Counts of rows of a file; `byLine` and `byId`: of those that are stored behind the one before them in this order. */
interface Sample {
  sampled: number;
  differing: number;
  byLine: number;
  byId: number;
  /** Whether the table keeps out no row and changes none. */
  plain: boolean;
  /** Two pages of the table, between which most of the rows lie; null where none is stored. */
  blocks: number[] | null;
}
