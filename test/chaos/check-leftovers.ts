import type pg from 'pg';
import { waitFor } from '../support/wait-for.ts';
import { describeIndexes } from './chaos-tables.ts';

/** What a load may hold must be gone within this time after its end, in ms. */
const GONE_MS = 20_000;

/**
 * Looks for all that a load, or its death, could leave behind: locks, transactions, temporary tables, indexes that
 * are not back.
 * @param indexes as `describeIndexes` told them before the first load
 */
export async function checkLeftovers(pool: pg.Pool, indexes: readonly string[]): Promise<string[]> {
  let left: string[] = [];
  const gone = async () => {
    left = await leftovers(pool);
    return left.length === 0;
  };
  await waitFor(gone, { timeoutMs: GONE_MS, what: 'a clean database' }).catch(() => {});
  const now = await describeIndexes(pool);
  return [
    ...left,
    ...indexes.filter((each) => !now.includes(each)).map((each) => `index missing: ${each}`),
    ...now.filter((each) => !indexes.includes(each)).map((each) => `index that was not there: ${each}`),
  ];
}

async function leftovers(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(
    `select 'advisory lock of ' || coalesce(pid::text, '?') as what from pg_locks where locktype = 'advisory'
     union all
     select 'connection ' || pid || ' is ' || state || ': ' || left(query, 80) from pg_stat_activity
      where starts_with(application_name, 'fhir-bucket-loader') and (state <> 'idle' or backend_xid is not null)
     union all
     -- One that a crash of Postgres has left has no file: Postgres forgets it later.
     select 'temporary table ' || relname from pg_class
      where relpersistence = 't' and relkind = 'r' and (pg_stat_file(pg_relation_filepath(oid), true)).size is not null
     union all
     select 'prepared transaction ' || gid from pg_prepared_xacts
     union all
     select 'index not restored: ' || (resource ->> 'indexname') || ' ' || coalesce(resource ->> 'message', '')
       from disabledindex where resource ->> 'status' <> 'restored'
     union all
     select 'duplicate id ' || id from (select 'patient' as t, id from patient union all select 'observation', id from observation
       union all select 'encounter', id from encounter union all select 'condition', id from condition) r
      group by t, id having count(*) > 1`,
  );
  return rows.map((row) => row.what);
}
