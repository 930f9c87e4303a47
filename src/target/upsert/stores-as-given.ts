/**
 * Whether Postgres stores a table's rows as it is given them, in SQL: without triggers and rules. It sees the triggers that rows of its
 * statement have met, as a statement locks its table against new ones first and looks then, unless an older snapshot is kept.
 * @param relation SQL of the table's oid
 */
export function storesAsGiven(relation: string): string {
  return `(not exists (select from pg_trigger where tgrelid = ${relation} and not tgisinternal)
           and not exists (select from pg_rewrite where ev_class = ${relation})
           and current_setting('transaction_isolation') = 'read committed')`;
}
