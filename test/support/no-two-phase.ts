/**
 * Why tests of prepared transactions are skipped; false where the server knows them.
 * @param sql asks the server
 */
export async function noTwoPhase(
  sql: (text: string) => Promise<readonly { slots?: number }[]>,
): Promise<string | false> {
  const [{ slots = 0 } = {}] = await sql(
    `select setting::int as slots from pg_settings where name = 'max_prepared_transactions'`,
  );
  return slots === 0 && 'the server has no two-phase commit';
}
