import type pg from 'pg';
import type { LoadableTypes } from '../../fhir/loadable-types.ts';
import { passedOverNote } from '../../progress/passed-over-note.ts';
import type { Sources } from '../../source/sources.ts';
import type { DatabaseAddress } from '../../store/connection-options.ts';
import { countFiles } from '../../store/loader-file/bucket-files.ts';
import type { WorkerPool } from '../../worker/worker-pool.ts';
import { knownTypes } from '../known-types.ts';
import { listFiles } from '../list-files.ts';
import type { LoadStarted } from '../load-calls.ts';
import type { LoadRequest } from '../load-request.ts';
import { refuseContradiction } from '../queue-call.ts';
import { dryRun } from './dry-run.ts';
import type { DryRunReport } from './dry-run-report.ts';

export interface DryRunCallDeps {
  pool: pg.Pool;
  address: DatabaseAddress;
  workers: WorkerPool;
  sources: Sources;
  loadableTypes: LoadableTypes;
  /** Where the database's files are, if that is on this machine and known. */
  databaseFolder?: string | undefined;
}

/** What a call would start, in the same terms, and what a dry run says besides. */
export type DryRunStarted = LoadStarted & { report: DryRunReport };

/**
 * Lists as a call does, says what that would do, and does nothing of it; what it would be refused for, this is.
 * @param choice.checkLines also reads every file that would be loaded
 * @throws the signal's reason when aborted; as `LoaderService.load` else
 */
export async function dryRunCall(
  request: LoadRequest,
  { checkLines, signal }: { checkLines: boolean; signal: AbortSignal },
  { pool, address, workers, sources, loadableTypes, databaseFolder }: DryRunCallDeps,
): Promise<DryRunStarted> {
  signal.throwIfAborted();
  const { bucket, prefixes, source, write } = request;
  await refuseContradiction(pool, bucket, write);
  const types = await knownTypes(pool, loadableTypes);
  const listing = await listFiles(sources.open(source), prefixes, types, signal);
  const { report, passedOver } = await dryRun(request, listing, {
    pool,
    address,
    workers,
    databaseFolder,
    checkLines,
    signal,
  });
  const totalFiles = await countFiles(pool, bucket);
  const changed = { count: report.files['changed'] ?? 0, unsure: 0, passedOver };
  return {
    newFiles: report.files['new'] ?? 0,
    changed,
    passedOverNote: passedOverNote(passedOver),
    notes: listing,
    totalFiles,
    report,
  };
}
