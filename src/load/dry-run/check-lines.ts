import { toFailure } from '../../errors/failure.ts';
import type { SeenIds } from '../../store/seen-ids.ts';
import { writeModeOf } from '../../target/write-mode.ts';
import type { CheckOutcome } from '../../worker/check-task.ts';
import type { WorkerPool } from '../../worker/worker-pool.ts';
import { type ComparedFile, isToLoad } from '../compare-listing.ts';
import type { LoadRequest } from '../load-request.ts';
import { transformOf } from '../transform-of.ts';
import type { LineCheck, PlacedId } from './line-check.ts';

/** Bad lines, failed files and repeated ids that the answer names; all are counted. */
const MOST_NAMED = 100;

export interface CheckLinesOptions {
  request: LoadRequest;
  workers: WorkerPool;
  /** Where ids wait to be compared; the caller closes it. */
  ids: SeenIds;
  signal: AbortSignal;
}

/**
 * Reads all files of a listing that would be loaded, `thread-num` at a time, as a load does, and stores nothing but ids.
 * @param pages gives the compared listing, the same each time it is called
 * @throws the signal's reason when aborted; what Postgres answers to the ids
 */
export async function checkLines(
  pages: () => AsyncGenerator<ComparedFile[]>,
  { request, workers, ids, signal }: CheckLinesOptions,
): Promise<LineCheck> {
  const types: string[] = [];
  const found = new Found(request.maxErrors);
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const numberOf = (type: string) => {
    if (!types.includes(type)) types.push(type);
    return types.indexOf(type);
  };
  const add = async (batch: Uint8Array) => {
    await ids.add(batch).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
  };
  const check = async (file: ComparedFile) => {
    const { key, type, number, size, etag, lastModified } = file;
    const { source, write } = request;
    const numbers = { type: numberOf(type), file: number };
    const object = { key, size, etag, lastModified };
    const task = {
      ...object,
      source,
      type,
      numbers,
      transform: transformOf(write),
      listsDeletions: writeModeOf(write, file).kind === 'delete',
      mostBadLines: MOST_NAMED,
    };
    const outcome = await workers.check(task, { signal: stop, onIds: add }).catch((error: unknown): CheckOutcome => {
      stop.throwIfAborted();
      // The worker thread died, out of memory for instance.
      return { kind: 'checked', rows: 0, rawBytes: 0, badLinesCount: 0, badLines: [], failure: toFailure(error) };
    });
    found.add(key, number, outcome);
  };
  await eachOf(pages(), request.threadNum, check);
  const repeated = await ids.findRepeated(MOST_NAMED, signal);
  const filesToFail = await countFilesToFail(found, request, ids, signal);
  const wanted = new Set(repeated.examples.flatMap(({ places }) => places.map(({ file }) => file)));
  const keys = await keysOf(pages(), wanted);
  const examples = repeated.examples.map(
    ({ type, id, places }): PlacedId => ({
      type: types[type] ?? '',
      id,
      places: places.map(({ file, line }) => ({ file: keys.get(file) ?? '', line })),
    }),
  );
  return {
    ...found.report(),
    'files-to-fail-count': filesToFail,
    'ids-in-two-files-count': repeated.inTwoFiles,
    'ids-twice-in-one-file-count': repeated.twiceInOneFile,
    'repeated-ids-count': repeated.count,
    'repeated-ids': examples,
  };
}

/** With a primary key an id stays out that stands already; with `upsert?` only within a file. */
async function countFilesToFail(
  { failing, leftOut }: Found,
  { write, maxErrors }: LoadRequest,
  ids: SeenIds,
  signal: AbortSignal,
): Promise<number> {
  if (write.dropPrimaryKey) return failing.length;
  const limits = { acrossFiles: !write.upsert, most: maxErrors, leftOut, failing };
  return failing.length + (await ids.countFilesToFail(limits, signal));
}

/** What the files have come to. */
class Found {
  /** Numbers of files that fail for themselves: unreadable, or with too many bad lines. */
  readonly failing: number[] = [];
  /** By number, the bad lines of all others that have some. */
  readonly leftOut = new Map<number, number>();

  readonly #maxErrors: number;
  readonly #report: Omit<
    LineCheck,
    | 'files-to-fail-count'
    | 'ids-in-two-files-count'
    | 'ids-twice-in-one-file-count'
    | 'repeated-ids-count'
    | 'repeated-ids'
  > = {
    files: 0,
    resources: 0,
    bytes: 0,
    'bad-lines-count': 0,
    'bad-lines': [],
    'unreadable-files-count': 0,
    'unreadable-files': [],
  };

  constructor(maxErrors: number) {
    this.#maxErrors = maxErrors;
  }

  add(file: string, number: number, { rows, rawBytes, badLinesCount, badLines, failure }: CheckOutcome): void {
    const report = this.#report;
    report.files++;
    report.resources += rows;
    report.bytes += rawBytes;
    report['bad-lines-count'] += badLinesCount;
    const room = MOST_NAMED - report['bad-lines'].length;
    report['bad-lines'].push(...badLines.slice(0, room).map((line) => ({ file, ...line })));
    if (failure !== undefined || badLinesCount > this.#maxErrors) this.failing.push(number);
    else if (badLinesCount > 0) this.leftOut.set(number, badLinesCount);
    if (failure === undefined) return;
    report['unreadable-files-count']++;
    const { source, code, message } = failure;
    if (report['unreadable-files'].length < MOST_NAMED)
      report['unreadable-files'].push({ file, message, error: { source, code } });
  }

  report() {
    return this.#report;
  }
}

/** Works on the files to load, at most `most` at a time. After an error those begun are awaited, and none is begun. */
async function eachOf(
  pages: AsyncGenerator<ComparedFile[]>,
  most: number,
  work: (file: ComparedFile) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const errors: unknown[] = [];
  try {
    for await (const page of pages) {
      for (const file of page.filter(isToLoad)) {
        const one: Promise<void> = work(file)
          .catch((error: unknown) => void errors.push(error))
          .finally(() => running.delete(one));
        running.add(one);
        if (running.size >= most) await Promise.race(running);
        if (errors.length > 0) throw errors[0];
      }
    }
  } finally {
    await Promise.all(running);
  }
  if (errors.length > 0) throw errors[0];
}

/** The keys of these files, by number. */
async function keysOf(
  pages: AsyncGenerator<ComparedFile[]>,
  wanted: ReadonlySet<number>,
): Promise<ReadonlyMap<number, string>> {
  const keys = new Map<number, string>();
  if (wanted.size === 0) return keys;
  for await (const page of pages) {
    for (const { number, key } of page) if (wanted.has(number)) keys.set(number, key);
  }
  return keys;
}
