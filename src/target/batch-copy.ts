import type pg from 'pg';
import { isDatabaseUnreachable, lacksConnection, toFailure } from '../errors/failure.ts';
import { FILE_HEADER, FILE_TRAILER } from '../pipeline/copy-row-writer.ts';
import type { EncodedRows } from '../pipeline/encode-whole.ts';
import { rowOfCopyError } from './copy-position.ts';
import { sendCopy } from './send-copy.ts';

/** A file of a batch, and the COPY that its rows are for. */
export interface BatchRows {
  /** A `COPY … FROM STDIN`, in the form of the rows. */
  readonly statement: string;
  readonly encoded: EncodedRows;
}

/**
 * Copies files one after another, those in a row that have the same statement by one COPY. Where Postgres refuses a row, its
 * file is left out and the others are sent again; where it does not say which row it means, the file is found by halves. So what
 * stays is all rows of each file that is not left out, and none of the others.
 * @param client in a transaction
 * @returns the files that are left out: each by itself is refused
 * @throws the signal's reason; what Postgres answers where it is out of reach: the transaction must then be rolled back
 */
export async function copyBatch<T extends BatchRows>(
  client: pg.ClientBase,
  files: readonly T[],
  signal: AbortSignal,
): Promise<Set<T>> {
  const refused = new Set<T>();
  const waiting = [files];
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part.length === 0) continue;
    const place = await tryFiles(client, part, signal);
    if (place === undefined) continue;
    const [only] = part;
    if (only !== undefined && part.length === 1) refused.add(only);
    else if (place === 'some') {
      const middle = Math.floor(part.length / 2);
      waiting.push(part.slice(middle), part.slice(0, middle));
    } else {
      const blamed = part[place];
      if (blamed !== undefined) refused.add(blamed);
      waiting.push(part.slice(place + 1), part.slice(0, place));
    }
  }
  return refused;
}

/** @returns the place of the file that Postgres refused, where it says; all of them are then rolled back */
async function tryFiles(
  client: pg.ClientBase,
  files: readonly BatchRows[],
  signal: AbortSignal,
): Promise<number | 'some' | undefined> {
  signal.throwIfAborted();
  await client.query('savepoint batch');
  let from = 0;
  try {
    while (from < files.length) {
      const to = endOfCopy(files, from);
      await copyFiles(client, files.slice(from, to));
      from = to;
    }
  } catch (error) {
    signal.throwIfAborted();
    const failure = toFailure(error);
    if (isDatabaseUnreachable(failure) || lacksConnection(failure)) throw error;
    await client.query('rollback to savepoint batch');
    const row = rowOfCopyError(error, files[from]?.statement ?? '');
    return row === undefined ? 'some' : placeOfRow(files, from, row);
  }
  await client.query('release savepoint batch');
  return undefined;
}

function endOfCopy(files: readonly BatchRows[], from: number): number {
  const statement = files[from]?.statement;
  let to = from + 1;
  while (files[to]?.statement === statement) to++;
  return to;
}

/** The file of a COPY's 1-based row; an empty file has none. */
function placeOfRow(files: readonly BatchRows[], from: number, row: number): number | 'some' {
  let rows = 0;
  for (let place = from; place < files.length; place++) {
    rows += files[place]?.encoded.rows ?? 0;
    if (row <= rows) return place;
  }
  return 'some';
}

async function copyFiles(client: pg.ClientBase, files: readonly BatchRows[]): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const bytes = joinNeighbours(files.flatMap(({ encoded }) => encoded.bytes));
  await sendCopy(client, {
    statement: first.statement,
    pieces: first.encoded.format === 'binary' ? [FILE_HEADER, ...bytes, FILE_TRAILER] : bytes,
    rows: files.reduce((sum, { encoded }) => sum + encoded.rows, 0),
  });
}

/** Buffers that follow each other in memory, as one: each costs calls of the system, and wakes Postgres. */
function joinNeighbours(parts: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    const isNext = last?.buffer === part.buffer && last.byteOffset + last.length === part.byteOffset;
    if (isNext) joined.splice(-1, 1, Buffer.from(part.buffer, last.byteOffset, last.length + part.length));
    else joined.push(part);
  }
  return joined;
}
