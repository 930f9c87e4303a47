import type { Failure } from '../errors/failure.ts';
import { estimateNdjson } from '../indexes/choose-indexes.ts';
import type { TableState } from '../indexes/prepare-table.ts';
import { FileList } from '../store/loader-file/file-list.ts';

/** Tables that are prepared at the same time. */
const TABLES_AT_ONCE = 4;

/** The tables that one load of this process writes to, by resource type. Immutable. */
export interface LoadTables {
  readonly known: ReadonlyMap<string, TableState>;
  /** Types that wait for their turn. */
  readonly queued: readonly string[];
  readonly preparing: ReadonlySet<string>;
  /** Estimates of the ndjson that came first for each type, in bytes. */
  readonly incoming: ReadonlyMap<string, number>;
  /** Types whose indexes are being restored, their last file being in. */
  readonly restoring: ReadonlySet<string>;
  /**
   * Types whose indexes were restored, with the DisabledIndexes that could not be. They are not dropped a second time: that a table is
   * rebuilt once more for each late file would cost more than it gains.
   */
  readonly restored: ReadonlyMap<string, readonly string[]>;
  /** Incremented to discard the results of earlier preparations. */
  readonly generation: number;
  /** The types of all tables that were ever prepared. */
  readonly types: ReadonlySet<string>;
}

export const NO_TABLES: LoadTables = {
  known: new Map(),
  queued: [],
  preparing: new Set(),
  incoming: new Map(),
  restoring: new Set(),
  restored: new Map(),
  generation: 0,
  types: new Set(),
};

/** Queues the new ones of these files' types: their table state is neither known nor being determined. */
export function want(
  tables: LoadTables,
  byType: ReadonlyMap<string, FileList>,
): { tables: LoadTables; fresh: readonly string[] } {
  const { known, restoring } = tables;
  const fresh = [...byType.keys()].filter(
    (type) => !known.has(type) && !restoring.has(type) && !isPending(tables, type),
  );
  const all = new Set([...tables.types, ...fresh]);
  const amounts = fresh.map((type) => [type, estimateNdjson(byType.get(type) ?? [])] as const);
  const incoming = new Map([...tables.incoming, ...amounts]);
  return { fresh, tables: { ...tables, queued: [...tables.queued, ...fresh], types: all, incoming } };
}

/** Whether a table's preparation has not ended. */
export function isPending({ queued, preparing }: LoadTables, type: string): boolean {
  return preparing.has(type) || queued.includes(type);
}

/** Takes as many types from the queue as may be prepared now. */
export function startPreparing(tables: LoadTables): { tables: LoadTables; types: readonly string[] } {
  const types = tables.queued.slice(0, TABLES_AT_ONCE - tables.preparing.size);
  const queued = tables.queued.slice(types.length);
  return { tables: { ...tables, queued, preparing: new Set([...tables.preparing, ...types]) }, types };
}

/** A preparation ended; an outdated result is dropped, and so is none (the preparation was given up). */
export function endPreparing(
  tables: LoadTables,
  type: string,
  result?: { generation: number; table: TableState },
): LoadTables {
  const preparing = new Set([...tables.preparing].filter((other) => other !== type));
  const current = result !== undefined && result.generation === tables.generation;
  const known = current ? new Map([...tables.known, [type, result.table]]) : tables.known;
  return { ...tables, preparing, known };
}

/** Whether a table's indexes are dropped, and kept so by this load. */
export function isHeldOff({ known }: LoadTables, type: string): boolean {
  const state = known.get(type);
  return state?.kind === 'ready' && state.indexesOff === true;
}

/** A table's indexes are being restored: its files, should more come, wait until it is prepared again. */
export function startRestoring(tables: LoadTables, type: string): LoadTables {
  const known = new Map([...tables.known].filter(([other]) => other !== type));
  return { ...tables, known, restoring: new Set([...tables.restoring, type]) };
}

/** That ended. @param result what could not be restored, by DisabledIndex; undefined when it was given up */
export function endRestoring(tables: LoadTables, type: string, result?: { refused: readonly string[] }): LoadTables {
  const restoring = new Set([...tables.restoring].filter((other) => other !== type));
  const restored = result === undefined ? tables.restored : new Map([...tables.restored, [type, result.refused]]);
  return { ...tables, restoring, restored };
}

/** Invalidates all: the session whose locks protected the tables was lost, or a key was dropped in spite of them. */
export function invalidate(tables: LoadTables): LoadTables {
  return { ...tables, known: new Map(), generation: tables.generation + 1 };
}

/** Invalidates which primary keys could not be restored, since a further call has come. */
export function invalidatePrimaryKeyMissing(tables: LoadTables): LoadTables {
  const known = new Map([...tables.known].filter(([, { kind }]) => kind !== 'primary-key-missing'));
  return { ...tables, known, generation: tables.generation + 1 };
}

/** What a load can do with its unfinished files. */
export interface SortedFiles {
  loadable: FileList;
  /** The types of these, and of the files that wait for their tables. */
  coming: readonly string[];
  /** Files to fail, with the reason: their table cannot be created, or cannot hold resources. */
  unusable: readonly { type: string; ids: readonly string[]; failure: Failure }[];
  /** What the others wait for, each completing "Waits until". */
  waits: readonly string[];
  /** Whether only a further call can add files: the primary keys of the rest cannot be restored. */
  isAll: boolean;
  /** Without the states that the next look determines again. */
  tables: LoadTables;
}

/** Sorts a bucket's unfinished files by what is known of their tables. */
export function sortFiles(tables: LoadTables, byType: ReadonlyMap<string, FileList>): SortedFiles {
  const known = new Map(tables.known);
  const loadable: FileList[] = [];
  const unusable: { type: string; ids: readonly string[]; failure: Failure }[] = [];
  const waits: string[] = [];
  const coming: string[] = [];
  let isAll = true;
  for (const [type, files] of byType) {
    const state = tables.known.get(type);
    if (state?.kind !== 'unusable' && state?.kind !== 'primary-key-missing') coming.push(type);
    isAll &&= state?.kind === 'ready' || state?.kind === 'primary-key-missing';
    if (state?.kind === 'ready') loadable.push(files);
    if (state?.kind === 'later') waits.push(state.until);
    if (state === undefined)
      waits.push(
        tables.restoring.has(type) ? `the indexes of ${type} are restored` : `the table of ${type} is prepared`,
      );
    if (state?.kind === 'unusable')
      unusable.push({ type, ids: Array.from(files, ({ id }) => id), failure: state.failure });
    if (state?.kind === 'later' || state?.kind === 'unusable') known.delete(type);
  }
  return { loadable: FileList.concat(loadable), coming, unusable, waits, isAll, tables: { ...tables, known } };
}
