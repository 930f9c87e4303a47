import type pg from 'pg';
import { ALL_ROWS } from './chaos-tables.ts';
import { checkNightly } from './nightly-files.ts';
import type { PlannedFile, RoundPlan } from './round-plan.ts';

/** What the tables hold, compared with what the files hold. */
export interface RowCheck {
  rows: number;
  /** Rows that should be there and are not; rows that are there once too often, or should not be there at all. */
  losses: number;
  doubles: number;
  violations: string[];
}

interface FoundFile {
  file: string;
  status: string | null;
  loaded: number | null;
  message: string | null;
  rows: number;
  lines: number;
  ids: number;
  txids: number;
  versions: number;
  errors: number;
}

/** Compares, file by file and in one statement, the LoaderFiles of a round and the rows with the plan. */
export async function checkRows(pool: pg.Pool, plan: RoundPlan): Promise<RowCheck> {
  const { rows } = await pool.query<FoundFile>(
    `with found as (
       select file, count(*)::int as rows, count(distinct line)::int as lines, count(distinct id)::int as ids,
              count(distinct txid)::int as txids, count(distinct version)::int as versions
         from (${ALL_ROWS}) r where bucket = $1 group by file
     ), errors as (
       select resource ->> 'file' as file, count(*)::int as errors from loadererror
        where resource ->> 'bucket' = 's3://' || $1 group by 1
     ), files as (
       select resource ->> 'file' as file, resource ->> 'status' as status, (resource ->> 'loaded')::int as loaded,
              resource ->> 'message' as message
         from loaderfile where resource ->> 'bucket' = 's3://' || $1
     )
     select file, status, loaded, message, coalesce(rows, 0) as rows, coalesce(lines, 0) as lines,
            coalesce(ids, 0) as ids, coalesce(txids, 0) as txids, coalesce(versions, 0) as versions,
            coalesce(errors, 0) as errors
       from files full join found using (file) full join errors using (file)`,
    [plan.bucket],
  );
  const check: RowCheck = { rows: 0, losses: 0, doubles: 0, violations: [] };
  const found = new Map(rows.map((each) => [each.file, each]));
  for (const file of plan.files) {
    const one = found.get(file.key);
    if (one === undefined) check.violations.push(`${file.key}: forgotten`);
    else checkFile(check, file, one);
    found.delete(file.key);
  }
  for (const file of plan.nightly) {
    const one = found.get(file.key);
    if (one?.status !== 'done') check.violations.push(`${file.key}: is ${one?.status}: ${one?.message}`);
    const violation = await checkNightly(pool, plan.bucket, file);
    if (violation !== undefined) check.violations.push(violation);
    found.delete(file.key);
  }
  for (const stranger of found.keys()) check.violations.push(`${stranger}: nobody planned it`);
  checkShared(check, plan, rows);
  return check;
}

function checkFile(check: RowCheck, plan: PlannedFile, found: FoundFile): void {
  check.rows += found.rows;
  const wrong = (what: string) => check.violations.push(`${plan.key} (${plan.kind}): ${what}`);
  if (found.status !== plan.expected) wrong(`is ${found.status}, not ${plan.expected}: ${found.message}`);
  if (found.status === 'done' && found.loaded !== plan.rows) wrong(`loaded says ${found.loaded}, not ${plan.rows}`);
  if (found.versions > 1) wrong('mixes rows of two versions of the object');
  if (found.errors !== plan.badLines && found.status === 'done') {
    wrong(`${found.errors} LoaderErrors, not ${plan.badLines}`);
  }
  if (plan.shared) return;
  if (found.txids > 1) wrong(`rows of ${found.txids} transactions`);
  const losses = Math.max(0, plan.rows - found.lines);
  const doubles = found.rows - Math.min(found.lines, plan.rows);
  if (losses + doubles > 0) wrong(`${losses} rows lost, ${doubles} doubled`);
  check.losses += losses;
  check.doubles += doubles;
}

/** Of two files with the same ids, each id stands once, from either. */
function checkShared(check: RowCheck, plan: RoundPlan, rows: readonly FoundFile[]): void {
  const shared = plan.files.filter((file) => file.shared);
  // Each file and its twin; both carry the number of rows that the two have together.
  const expected = shared.reduce((sum, file) => sum + file.rows, 0) / 2;
  const keys = new Set(shared.map(({ key }) => key));
  // The rows of both say the first one's key: the twin is a copy.
  const standing = rows.filter(({ file }) => keys.has(file)).reduce((sum, { rows: count }) => sum + count, 0);
  if (standing === expected) return;
  check.violations.push(`files with shared ids: ${standing} rows, not ${expected}`);
  check.losses += Math.max(0, expected - standing);
  check.doubles += Math.max(0, standing - expected);
}
