import type pg from 'pg';

/**
 * Commits the transaction that `client` is in. Postgres answers a COMMIT of a transaction in which a statement has failed with
 * ROLLBACK, and with no error: who takes that for success has lost what it wrote.
 * @throws where it was rolled back, and what Postgres answers
 */
export async function commit(client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  checkEnded(await client.query('commit'), 'COMMIT');
}

/**
 * Checks what Postgres has answered to a statement that commits or prepares a transaction.
 * @throws where it has rolled the transaction back instead
 */
export function checkEnded({ command }: { command: string }, expected: 'COMMIT' | 'PREPARE'): void {
  if (command === expected) return;
  throw new Error(`Postgres answered ${expected} by ${command}: a statement of the transaction had failed`);
}
