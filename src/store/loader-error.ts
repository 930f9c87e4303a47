import { checkAllStored } from '../errors/rows-kept-out.ts';
import { jsonbText } from './jsonb-text.ts';
import type { Queryable } from './query.ts';
import { ask, type Statement } from './statement.ts';

/** A bad line of a file, as recorded in a LoaderError. */
export interface LoaderError {
  line: number;
  offset: number;
  id?: string | undefined;
  source: string;
  code: string;
  message: string;
  text: string;
}

/** The file that LoaderErrors belong to. */
export interface ErrorOwner {
  /** Id of the LoaderFile. */
  id: string;
  bucket: string;
  file: string;
  type: string;
}

/** Removes what earlier loads of these files have left out. */
export async function deleteLoaderErrors(db: Queryable, loaderFiles: readonly string[]): Promise<void> {
  await ask(db, deleteErrorsStatement(loaderFiles));
}

/** That of `deleteLoaderErrors`. */
export function deleteErrorsStatement(loaderFiles: readonly string[]): Statement<void> {
  return {
    text: `delete from loadererror where resource ->> 'loader-file' = any ($1)`,
    values: [loaderFiles],
    read: () => {},
  };
}

/** Puts these LoaderErrors of a file in the place of those of an earlier load of it. */
export async function replaceLoaderErrors(
  db: Queryable,
  owner: ErrorOwner,
  errors: readonly LoaderError[],
): Promise<void> {
  await deleteLoaderErrors(db, [owner.id]);
  await insertLoaderErrors(db, owner, errors);
}

/** Adds LoaderErrors of a file. */
export async function insertLoaderErrors(
  db: Queryable,
  { id, bucket, file, type }: ErrorOwner,
  errors: readonly LoaderError[],
): Promise<void> {
  if (errors.length === 0) return;
  const resources = errors.map(({ id: resourceId, ...error }) =>
    jsonbText({ 'loader-file': id, bucket, file, type, 'resource-id': resourceId, ...error }),
  );
  const { rowCount } = await db.query(
    `insert into loadererror (id, txid, resource_type, status, resource)
     select gen_random_uuid()::text, nextval('transaction_id_seq'), 'LoaderError', 'created', resource::jsonb
       from unnest($1::text[]) as resource`,
    [resources],
  );
  checkAllStored(rowCount, errors.length, 'loadererror');
}
