import type { Queryable } from './query.ts';

/**
 * How many further connections the server, the database and the role of this session have room for. Limits of a pooler
 * do not show.
 */
export async function countFreeConnections(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ free: number }>(
    `with used as (
       select count(*) as server,
              count(*) filter (where datname = current_database()) as database,
              count(*) filter (where usename = current_user) as role
         from pg_stat_activity where backend_type = 'client backend'
     )
     select greatest(0, least(
              current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0) - used.server,
              case when d.datconnlimit >= 0 and not r.rolsuper then d.datconnlimit - used.database end,
              case when r.rolconnlimit >= 0 and not r.rolsuper then r.rolconnlimit - used.role end))::int as free
       from used, pg_database d, pg_roles r
      where d.datname = current_database() and r.rolname = current_user`,
  );
  return rows[0]?.free ?? Infinity;
}
