import { listForeignPrepared } from '../store/loader-file/foreign-prepared.ts';
import type { Queryable } from '../store/query.ts';

/**
 * Which files of a bucket wait for somebody else: a loader of another role has died after it prepared their rows, and Postgres lets only
 * that role, or a superuser, finish them.
 * @returns what to do, in a sentence; undefined where there is none
 */
export async function preparedNote(db: Queryable, bucket: string): Promise<string | undefined> {
  const prepared = await listForeignPrepared(db);
  if (prepared.length === 0) return undefined;
  const { rows: files } = await db.query<{ id: string; file: string }>(
    `select id, resource ->> 'file' as file from loaderfile where id = any ($1) and resource ->> 'bucket' = $2 order by id`,
    [prepared.map(({ loaderFile }) => loaderFile), bucket],
  );
  const [first] = files;
  if (first === undefined) return undefined;
  const owner = prepared.find(({ loaderFile }) => loaderFile === first.id)?.owner;
  const who = owner === undefined ? 'a role that is gone' : `the role ${owner}`;
  const more = files.length === 1 ? '' : ` and of ${files.length - 1} other files`;
  return (
    `Rows of ${first.file}${more} were prepared by ${who}, and this role may not finish them: start a loader on this database as ` +
    `${owner === undefined ? '' : 'that role or '}a superuser, which does within seconds (pg_prepared_xacts shows them).`
  );
}
