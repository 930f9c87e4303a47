import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { ensureResourceTable } from '../../src/store/ensure-resource-table.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase } from '../support/test-database.ts';

const parts = lastFirst({ after });
const { connection } = await createMigratedDatabase(parts);
const pool = new pg.Pool({ ...connection, max: 8, options: '-csearch_path=public,further' });
pool.on('error', () => {});
parts.after(() => pool.end());

test('replicas that need the table of a type at once make it once', async () => {
  const tables = await Promise.all(
    Array.from({ length: 8 }, () => ensureResourceTable(pool, 'Schedule', { distribute: false })),
  );
  assert.deepEqual(
    tables,
    tables.map(() => ({ schema: 'public', name: 'schedule' })),
  );
});

test('a table is made beside its history, and a history beside its table, wherever that is', async () => {
  await pool.query('create schema further');
  for (const [type, present] of [
    ['Slot', 'slot_history'],
    ['Task', 'task'],
  ] as const) {
    await pool.query(
      `create table further.${present} (like schedule${present.endsWith('history') ? '_history' : ''} including all)`,
    );
    await ensureResourceTable(pool, type, { distribute: false });
    const { rows } = await pool.query(
      `select relnamespace::regnamespace::text as schema from pg_class where relkind = 'r' and relname in ($1, $2)`,
      [type.toLowerCase(), `${type.toLowerCase()}_history`],
    );
    assert.deepEqual(rows, [{ schema: 'further' }, { schema: 'further' }], type);
  }
});
