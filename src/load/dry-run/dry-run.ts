import type pg from 'pg';
import { estimateNdjson } from '../../indexes/choose-indexes.ts';
import type { DatabaseAddress } from '../../store/connection-options.ts';
import { SeenIds } from '../../store/seen-ids.ts';
import { writeModeOf } from '../../target/write-mode.ts';
import type { WorkerPool } from '../../worker/worker-pool.ts';
import { type ComparedFile, compareListing, isPassedOver, isToLoad } from '../compare-listing.ts';
import type { FileListing } from '../list-files.ts';
import type { LoadRequest } from '../load-request.ts';
import { whyIgnored } from '../why-ignored.ts';
import { checkLines } from './check-lines.ts';
import type { DryRunReport, TypeReport } from './dry-run-report.ts';
import { estimateDisk, estimateLoad, estimateRows, readExperience } from './estimate-load.ts';
import { deletionProblems, planTable } from './plan-table.ts';

/** Files that the answer names. */
const MOST_FILES = 1_000;
const MOST_IGNORED = 100;

export interface DryRunOptions {
  pool: pg.Pool;
  address: DatabaseAddress;
  workers: WorkerPool;
  /** Where the database's files are, if that is on this machine and known. */
  databaseFolder: string | undefined;
  checkLines: boolean;
  signal: AbortSignal;
}

/**
 * Says what a call would do with a listing: files, tables, resources, time and disk. Writes nothing; with `checkLines` it
 * reads every file that would be loaded, and keeps their ids in a temporary table.
 * @returns also how many files would be left as they were loaded though their objects have changed since
 * @throws the signal's reason when aborted
 */
export async function dryRun(
  request: LoadRequest,
  listing: FileListing,
  options: DryRunOptions,
): Promise<{ report: DryRunReport; passedOver: number }> {
  const { pool, databaseFolder, signal } = options;
  const pages = () => compareListing(pool, request.bucket, listing, request);
  const files: Record<string, number> = {};
  let passedOver = 0;
  const first: DryRunReport['first-files'] = [];
  const byType = new Map<string, FileAmount>();
  const deletionsByType = new Map<string, FileAmount>();
  for await (const page of pages()) {
    signal.throwIfAborted();
    for (const file of page) {
      files[file.standing] = (files[file.standing] ?? 0) + 1;
      if (isPassedOver(file)) passedOver++;
      if (!isToLoad(file)) continue;
      const isDeletion = writeModeOf(request.write, file).kind === 'delete';
      addFile(file, { first, byType: isDeletion ? deletionsByType : byType });
    }
  }
  const experience = await readExperience(pool);
  const plans = [];
  for (const [type, amount] of byType) {
    plans.push({ type, ...amount, table: await planTable(pool, type, request.write, amount.ndjson) });
  }
  const amounts = plans.map(({ type, bytes, table }) => ({ type, bytes, size: table.size }));
  const deletions = await planDeletions(pool, deletionsByType, request.write);
  const report: DryRunReport = {
    files,
    'files-to-load': sumOf(plans, (plan) => plan.files) + (deletions?.files ?? 0),
    bytes: sumOf(plans, (plan) => plan.bytes) + (deletions?.bytes ?? 0),
    'first-files': first,
    'ignored-files-count': listing.ignored.count + listing.withheld.count,
    'ignored-files': ignoredFiles(listing),
    types: plans.map(({ table, ndjson: _, ...plan }): TypeReport => {
      const resources = estimateRows(experience, plan);
      return {
        ...plan,
        ...(resources === undefined ? {} : { resources }),
        table: table.name,
        'table-exists': table.exists,
        ...(table.choice && { 'index-choice': table.choice }),
        problems: table.problems,
      };
    }),
    ...(deletions === undefined ? {} : { deletions }),
    estimate: estimateLoad(experience, amounts, deletions?.bytes ?? 0),
    disk: await estimateDisk(pool, experience, { amounts, databaseFolder }),
  };
  if (options.checkLines) report.lines = await readLines(request, pages, options);
  return { report, passedOver };
}

interface FileAmount {
  files: number;
  /** As stored. */
  bytes: number;
  /** Estimate of what these hold, in bytes. */
  ndjson: number;
}

/** Which types they are of, the lines say; those of files in `deleted/` their names promise. */
async function planDeletions(
  pool: pg.Pool,
  byType: ReadonlyMap<string, FileAmount>,
  write: LoadRequest['write'],
): Promise<DryRunReport['deletions']> {
  if (byType.size === 0) return undefined;
  const problems = [];
  for (const type of byType.keys()) problems.push(...(await deletionProblems(pool, type, write)));
  const amounts = [...byType.values()];
  return {
    files: sumOf(amounts, ({ files }) => files),
    bytes: sumOf(amounts, ({ bytes }) => bytes),
    problems: [...new Set(problems)],
  };
}

async function readLines(
  request: LoadRequest,
  pages: () => AsyncGenerator<ComparedFile[]>,
  { pool, address, workers, signal }: DryRunOptions,
) {
  const ids = await SeenIds.open(address, pool);
  try {
    return await checkLines(pages, { request, workers, ids, signal });
  } finally {
    await ids.close();
  }
}

function addFile(
  { key, type, size, standing }: ComparedFile,
  { first, byType }: { first: DryRunReport['first-files']; byType: Map<string, FileAmount> },
): void {
  const before = byType.get(type) ?? { files: 0, bytes: 0, ndjson: 0 };
  const ndjson = before.ndjson + estimateNdjson([{ key, size: size ?? 0 }]);
  byType.set(type, { files: before.files + 1, bytes: before.bytes + (size ?? 0), ndjson });
  if (first.length >= MOST_FILES) return;
  first.push({ file: key, type, ...(size === undefined ? {} : { size }), status: standing });
}

function ignoredFiles({ ignored, withheld }: FileListing): DryRunReport['ignored-files'] {
  const named = ignored.examples.map((file) => ({ file, reason: whyIgnored(file) }));
  const others = withheld.examples.map((file) => ({
    file,
    reason: "the server's LOADER_RESOURCE_TYPES does not name its type",
  }));
  return [...others, ...named].slice(0, MOST_IGNORED);
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
