/**
 * The sessions that wait for a lock on a table of the database in which this is asked, as a statement. Other databases of the tests'
 * Postgres have tables of the same oids.
 */
export function lockWaitsOn(table: string): string {
  return `select from pg_locks where not granted and relation = '${table}'::regclass
             and database = (select oid from pg_database where datname = current_database())`;
}
