import type { Queryable } from '../query.ts';
import { PREPARED_PREFIX, readPreparedName } from './prepared-name.ts';
import { QUEUE } from './queue.ts';

/** Those of this queue that the role may not finish. `owner` is undefined where that role was dropped. */
export async function listForeignPrepared(db: Queryable): Promise<{ loaderFile: string; owner: string | undefined }[]> {
  const { rows } = await db.query<{ gid: string; owner: string | null }>(
    `select p.gid, p.owner from pg_prepared_xacts p join pg_roles me on me.rolname = current_user
      where p.database = current_database() and starts_with(p.gid, concat($1::text, ':', ${QUEUE}, ':'))
        and p.owner is distinct from current_user and not me.rolsuper`,
    [PREPARED_PREFIX],
  );
  return rows.flatMap(({ gid, owner }) => {
    const name = readPreparedName(gid);
    return name === undefined ? [] : [{ loaderFile: name.loaderFile, owner: owner ?? undefined }];
  });
}
