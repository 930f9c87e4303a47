import type pg from 'pg';
import { capText } from './cap-text.ts';

/**
 * An error of Postgres as the user reads it everywhere: `SQLSTATE: SEVERITY: message (line N: DETAIL). Hint: HINT`.
 * @param line 1-based line of the file that the error speaks of
 */
export function postgresMessage(error: pg.DatabaseError, line?: number): string {
  const head = `${error.code ?? 'XX000'}: ${error.severity ?? 'ERROR'}: ${error.message}`;
  const where = [line === undefined ? undefined : `line ${line}`, error.detail].filter((part) => part !== undefined);
  const hint = error.hint === undefined ? '' : `. Hint: ${error.hint}`;
  return capText(`${head}${where.length === 0 ? '' : ` (${where.join(': ')})`}${hint}`);
}
