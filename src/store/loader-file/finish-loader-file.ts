import type pg from 'pg';
import type { Failure } from '../../errors/failure.ts';
import type { ReferenceCounts } from '../../fhir/reference-target.ts';
import { jsonbText } from '../jsonb-text.ts';
import { inTransaction, type Queryable } from '../query.ts';
import { ask, type Statement } from '../statement.ts';
import { type LoaderFileError, linesLeftOutText, UNFINISHED } from './loader-file.ts';
import { lockFile, lockFiles } from './queue.ts';
import type { StoredRows } from './stored-rows.ts';

/**
 * Marks a file `done`; in the transaction of its rows, so that neither is ever seen without the other.
 * @param linesLeftOut bad lines that are not among its rows
 * @param references what became of its rows' open references, where they were resolved
 */
export async function markDone(db: Queryable, ...done: Parameters<typeof doneStatement>): Promise<void> {
  await ask(db, doneStatement(...done));
}

/** The statement of `markDone`. */
export function doneStatement(
  id: string,
  { loaded, outcomes }: StoredRows,
  linesLeftOut: number,
  references?: ReferenceCounts,
): Statement<void> {
  const note =
    linesLeftOut === 0
      ? {}
      : { 'lines-left-out': linesLeftOut, message: `${linesLeftOutText(linesLeftOut)} (max-errors)` };
  return statusStatement(id, {
    status: 'done',
    end: new Date().toISOString(),
    loaded,
    ...outcomes,
    ...note,
    ...(references && { references }),
  });
}

/** Marks files `done` that have all of their lines among their rows, each with their number; as `markDone` does one. */
export async function markAllDone(db: Queryable, loaded: ReadonlyMap<string, number>): Promise<void> {
  const end = new Date().toISOString();
  await setAll(
    db,
    [...loaded.keys()],
    [...loaded.values()].map((rows) => ({ status: 'done', end, loaded: rows })),
  );
}

/** Gives files back to the queue, as `markPending` does one; each with its message, where it has one. */
export async function markAllPending(db: Queryable, messages: ReadonlyMap<string, string | undefined>): Promise<void> {
  await setAll(db, [...messages.keys()], [...messages.values()].map(pendingWith));
}

/** Marks a file `error`, after its rows were rolled back and in the transaction that still holds its lock. */
export async function markFailed(db: Queryable, id: string, message: string, error: LoaderFileError): Promise<void> {
  await setStatus(db, id, { status: 'error', end: new Date().toISOString(), message, error });
}

/** Gives a file back to the queue, with a word on why it was not finished. */
export async function markPending(db: Queryable, id: string, message?: string): Promise<void> {
  await setStatus(db, id, pendingWith(message));
}

function pendingWith(message: string | undefined): object {
  return { status: 'pending', ...(message === undefined ? {} : { message }) };
}

async function setStatus(db: Queryable, id: string, change: object): Promise<void> {
  await ask(db, statusStatement(id, change));
}

function statusStatement(id: string, change: object): Statement<void> {
  return {
    text: `update loaderfile set resource = resource || $2::jsonb,
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
      where id = $1`,
    values: [id, jsonbText(change)],
    read: ({ rowCount }) => {
      if (rowCount !== 1) throw new Error(`LoaderFile ${id} is gone`);
    },
  };
}

async function setAll(db: Queryable, ids: readonly string[], changes: readonly object[]): Promise<void> {
  if (ids.length === 0) return;
  // `any` has Postgres read them by id; by the join alone it reads a table of 10,000 files whole for each batch of 256.
  const { rowCount } = await db.query(
    `update loaderfile l set resource = l.resource || changed.resource::jsonb,
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from unnest($1::text[], $2::text[]) as changed(id, resource)
      where l.id = changed.id and l.id = any ($1)`,
    [ids, changes.map(jsonbText)],
  );
  if (rowCount !== ids.length) throw new Error(`${ids.length - (rowCount ?? 0)} LoaderFiles are gone`);
}

/**
 * Marks a file `error` outside of the transaction that tried its rows, if nobody is loading it by now.
 * @returns whether it was marked
 */
export async function failUnfinishedFile(pool: pg.Pool, id: string, failure: Failure): Promise<boolean> {
  return await inTransaction(pool, async (client) => {
    const locked = await lockFile(client, id, UNFINISHED);
    if (locked) await markFailed(client, id, failure.message, { source: failure.source, code: failure.code });
    return locked;
  });
}

/** Takes claims back: the files are `pending` again, unless somebody is loading them or they are finished by now. */
export async function returnClaimedFiles(pool: pg.Pool, ids: readonly string[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    const locked = await lockFiles(client, ids, ['in-progress']);
    await markAllPending(client, new Map([...locked].map((id) => [id, undefined])));
  });
}
