import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cacheFolder } from '../dataset/prepare-data.ts';

/**
 * How the ids of a load's rows lie in the index: `random` anywhere, as UUIDs; `sorted` the same ids, each chunk of a file sorted as
 * a loader could do before COPY; `ordered` behind all that are there, as time-ordered UUIDs.
 */
export const ID_ORDERS = ['random', 'sorted', 'ordered'] as const;
export type IdOrder = (typeof ID_ORDERS)[number];

/** Where rows of each kind go; `random` and `sorted` have tables of their own, filled alike. */
export const TYPE_OF: Readonly<Record<IdOrder, string>> = {
  random: 'Observation',
  sorted: 'Condition',
  ordered: 'Procedure',
};

const FILES = 4;

/** Rows that are sorted together: 4 MB of lines, as much as a loader could hold for each file in flight. */
const CHUNK_ROWS = 12_000;

export interface IdBucket {
  name: string;
  rows: number;
  megabytes: number;
}

/** Writes a bucket of rows that no other call has, with ids of this order; `from` is the number of the first. */
export async function writeIds(order: IdOrder, from: number, rows: number): Promise<IdBucket> {
  const name = `rows-${order}-${from}`;
  const perFile = Math.ceil(rows / FILES);
  let bytes = 0;
  for (let file = 0; file < FILES; file++) {
    const lines = Array.from({ length: perFile }, (_, n) => lineOf(order, from + file * perFile + n));
    if (order === 'sorted') {
      for (let first = 0; first < lines.length; first += CHUNK_ROWS) {
        const chunk = lines.slice(first, first + CHUNK_ROWS).toSorted();
        lines.splice(first, chunk.length, ...chunk);
      }
    }
    const text = `${lines.join('\n')}\n`;
    bytes += Buffer.byteLength(text);
    const path = join(cacheFolder(), name, `fhir/${TYPE_OF[order]}.${file}.ndjson.gz`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, gzipSync(text, { level: 1 }));
  }
  return { name, rows: perFile * FILES, megabytes: bytes / 1e6 };
}

/** SQL for the same id as `idOf`, by a number `n`. */
export function idInSql(order: IdOrder): string {
  return order === 'ordered' ? `'id-' || lpad(n::text, 33, '0')` : `md5(n::text)::uuid::text`;
}

function idOf(order: IdOrder, n: number): string {
  if (order === 'ordered') return `id-${String(n).padStart(33, '0')}`;
  const hash = createHash('md5').update(String(n)).digest('hex');
  return [0, 8, 12, 16, 20].map((at, part) => hash.slice(at, [8, 12, 16, 20, 32][part])).join('-');
}

/** The id stands first, so that lines sort by it. */
function lineOf(order: IdOrder, n: number): string {
  const subject = { resourceType: 'Patient', id: idOf('random', n % 50_000) };
  const note = `${n} `.repeat(20);
  return JSON.stringify({ id: idOf(order, n), status: 'final', subject, code: { text: 'heart rate' }, note });
}
