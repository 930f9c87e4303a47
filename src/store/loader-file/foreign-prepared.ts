import type { Queryable } from '../query.ts';
import { QUEUE } from './queue.ts';

/** How the names of the loader's prepared transactions begin; queue, LoaderFile, attempt and partition follow, separated by colons. */
export const PREPARED_PREFIX = 'fhir_bucket_loader';

/** Those of this queue that the role may not finish. `owner` is undefined where that role was dropped. */
export async function listForeignPrepared(db: Queryable): Promise<{ loaderFile: string; owner: string | undefined }[]> {
  const { rows } = await db.query<{ gid: string; owner: string | null }>(
    `select p.gid, p.owner from pg_prepared_xacts p join pg_roles me on me.rolname = current_user
      where p.database = current_database() and starts_with(p.gid, concat($1::text, ':', ${QUEUE}, ':'))
        and p.owner is distinct from current_user and not me.rolsuper`,
    [PREPARED_PREFIX],
  );
  return rows.flatMap(({ gid, owner }) => {
    const [, , loaderFile] = gid.split(':');
    return loaderFile === undefined ? [] : [{ loaderFile: decodeURIComponent(loaderFile), owner: owner ?? undefined }];
  });
}
