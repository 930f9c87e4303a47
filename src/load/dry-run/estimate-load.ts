import { statfs } from 'node:fs/promises';
import { type LoadedType, type PastPace, readPastPace, sumLoadedTypes } from '../../store/loader-file/past-loads.ts';
import type { Queryable } from '../../store/query.ts';
import { tableName } from '../../store/resource-tables.ts';
import { readDatabaseSize, type TableSize } from '../../store/table-size.ts';
import type { DiskReport, Estimate } from './dry-run-report.ts';

/** What is to be loaded of one type. */
export interface TypeAmount {
  type: string;
  /** Of the objects, as stored. */
  bytes: number;
  /** Of its table; undefined where that does not exist. */
  size: TableSize | undefined;
}

/** What is known of earlier loads into the database. */
export interface Experience {
  types: ReadonlyMap<string, LoadedType>;
  pace: PastPace;
}

/** Reads what earlier loads, of any bucket, have left in their LoaderFiles. */
export async function readExperience(db: Queryable): Promise<Experience> {
  const types = new Map((await sumLoadedTypes(db)).map((loaded) => [loaded.type, loaded]));
  return { types, pace: await readPastPace(db) };
}

/** Resources in these files, by those that were in each byte of earlier files of the type. */
export function estimateRows({ types }: Experience, { type, bytes }: Pick<TypeAmount, 'type' | 'bytes'>) {
  const loaded = types.get(tableName(type));
  return loaded === undefined ? undefined : Math.round((bytes * loaded.rows) / loaded.bytes);
}

/** Resources and time of a load. @param otherBytes of files whose lines become no resources */
export function estimateLoad(experience: Experience, amounts: readonly TypeAmount[], otherBytes: number): Estimate {
  const rows = amounts.map((amount) => estimateRows(experience, amount));
  const unknown = amounts.filter((_, at) => rows[at] === undefined).map(({ type }) => type);
  const bytes = amounts.reduce((sum, amount) => sum + amount.bytes, otherBytes);
  const { pace } = experience;
  const resources = unknown.length > 0 ? undefined : rows.reduce<number>((sum, count = 0) => sum + count, 0);
  const hasPace = pace.seconds > 0 && pace.bytes > 0;
  return {
    ...(resources === undefined ? {} : { resources }),
    ...(hasPace ? { seconds: Math.ceil((bytes * pace.seconds) / pace.bytes) } : {}),
    basis: [
      hasPace
        ? `The time by the pace of ${pace.loads === 1 ? 'the last load' : `the last ${pace.loads} loads`}: ${Math.round(pace.bytes / pace.seconds / 1000)} kB/s, by all ` +
          'replicas, whatever the settings were.'
        : 'No past load to take a pace from.',
      ...(unknown.length === 0 ? [] : [`No past load of ${unknown.join(', ')} to count resources by.`]),
    ].join(' '),
  };
}

/**
 * Disk that a load needs, by the bytes that each row of the tables takes, with indexes and TOAST.
 * @param databaseFolder where the database's files are, if that is on this machine
 */
export async function estimateDisk(
  db: Queryable,
  experience: Experience,
  { amounts, databaseFolder }: { amounts: readonly TypeAmount[]; databaseFolder: string | undefined },
): Promise<DiskReport> {
  const needs = amounts.map((amount) => ({ type: amount.type, bytes: estimateBytes(experience, amount) }));
  const unknown = needs.filter(({ bytes }) => bytes === undefined).map(({ type }) => type);
  const free = databaseFolder === undefined ? undefined : await freeBytes(databaseFolder);
  const needed = needs.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  return {
    'database-bytes': await readDatabaseSize(db),
    ...(unknown.length > 0 ? {} : { 'needed-bytes': needed }),
    ...(free === undefined ? {} : { 'free-bytes': free }),
    basis: [
      unknown.length > 0
        ? `Nothing to estimate the size of ${unknown.join(', ')} by: it takes a past load, and ANALYZE after it.`
        : 'By the size of a row in the tables, indexes included; WAL and what upsert? overwrites come on top.',
      ...(free === undefined ? ['Postgres does not report how much disk is free.'] : []),
    ].join(' '),
  };
}

function estimateBytes(experience: Experience, amount: TypeAmount): number | undefined {
  if (amount.bytes === 0) return 0;
  const rows = estimateRows(experience, amount);
  const { size } = amount;
  if (rows === undefined || size === undefined || size.rows <= 0) return undefined;
  return Math.round((rows * size.bytes) / size.rows);
}

async function freeBytes(folder: string): Promise<number | undefined> {
  // Not every file system tells; a dry run says what it can.
  const found = await statfs(folder).catch(() => undefined);
  return found === undefined ? undefined : found.bavail * found.bsize;
}
