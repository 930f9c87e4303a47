import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import { DIFFERS } from './find-changes.ts';
import type { Stage } from './stage.ts';
import { storesAsGiven } from './stores-as-given.ts';

/** A file with fewer rows is always looked at: to ask a sample would save nothing. */
const FEWEST_ROWS = 2_000;
/** How many rows of such a file are compared, and of how many at least, where not all of it has been sent. */
const SAMPLE = 200;
const SMALLEST_SAMPLE = 50;
/** The part of them that has to be new or changed. */
const NEARLY_ALL = 0.9;

/** Where a file's rows lie over more pages than this for each of them, most of its pages have one of them alone. */
const PAGES_PER_ROW = 4;

/**
 * Whether nearly all rows of the stage are new or changed, as a sample tells, and may be written by `overwriteDiffering`:
 * where nothing keeps rows out of the table, changes them on their way or refuses those that it would not write. Such a thing cannot come any more
 * before the transaction ends. A wrong guess costs time, nothing else.
 * @param rows of the file, with those that were not sent
 * @returns undefined where not; else whether they may be most of the rows of the pages that they are in: those of other files in the table
 *   say nothing about that
 */
export async function mostlyDiffers(
  db: Queryable,
  table: ResourceTable,
  stage: Stage,
  rows: number,
): Promise<{ fillPages: boolean } | undefined> {
  if (rows < FEWEST_ROWS) return undefined;
  const name = qualifiedName(table);
  await db.query(`lock table only ${name} in row exclusive mode; set local jit = off; set local enable_seqscan = off`);
  const result = await db.query<{ sampled: number; differing: number; plain: boolean; blocks: number[] | null }>(
    `select count(*)::int as sampled, (count(*) filter (where t.id is null or ${DIFFERS}))::int as differing,
            (select ${storesAsGiven('c.oid')} and not row_security_active(c.oid) and not relhassubclass and not relispartition
                    and not exists (select from pg_constraint where conrelid = c.oid and contype = 'c')
               from pg_class c where c.oid = $1::regclass) as plain,
            percentile_disc(array[0.1, 0.9]) within group (order by (t.place::text::point)[0]) as blocks
       from ${stage.name} s tablesample bernoulli (${(100 * SAMPLE) / rows})
       left join lateral (select id, ts, resource, ctid as place from ${name} where id = s.id limit 1) t on true`,
    [name],
  );
  await db.query('set local enable_seqscan = default');
  const { sampled = 0, differing = 0, plain = false, blocks } = result.rows[0] ?? {};
  if (!plain || sampled < SMALLEST_SAMPLE || differing < NEARLY_ALL * sampled) return undefined;
  // All but a fifth of the rows that are stored: few that lie elsewhere cost little.
  const [first = 0, last = 0] = blocks ?? [];
  return { fillPages: 2 * sampled > SAMPLE && last - first < PAGES_PER_ROW * rows };
}
