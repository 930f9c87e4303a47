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

/** With more pages for each row of the file, those that are written lie scattered. */
const PAGES_PER_ROW = 4;

/**
 * Whether nearly all rows of the stage are new or changed, as a sample tells, and may be written by `overwriteDiffering`:
 * where nothing keeps rows out of the table, changes them on their way or refuses those that it would not write. Such a thing cannot come any more
 * before the transaction ends. A wrong guess costs time, nothing else.
 * @param rows of the file, with those that were not sent
 * @returns undefined where not; else whether they may be most of the rows of the table's pages
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
  const result = await db.query<{ sampled: number; differing: number; plain: boolean; pages: number }>(
    `select count(*)::int as sampled, (count(*) filter (where t.id is null or ${DIFFERS}))::int as differing,
            (select ${storesAsGiven('c.oid')} and not row_security_active(c.oid) and not relhassubclass and not relispartition
                    and not exists (select from pg_constraint where conrelid = c.oid and contype = 'c')
               from pg_class c where c.oid = $1::regclass) as plain,
            pg_relation_size($1::regclass) / current_setting('block_size')::float8 as pages
       from ${stage.name} s tablesample bernoulli (${(100 * SAMPLE) / rows})
       left join lateral (select id, ts, resource from ${name} where id = s.id limit 1) t on true`,
    [name],
  );
  await db.query('set local enable_seqscan = default');
  const { sampled = 0, differing = 0, plain = false, pages = 0 } = result.rows[0] ?? {};
  if (!plain || sampled < SMALLEST_SAMPLE || differing < NEARLY_ALL * sampled) return undefined;
  return { fillPages: 2 * sampled > SAMPLE && pages < PAGES_PER_ROW * rows };
}
