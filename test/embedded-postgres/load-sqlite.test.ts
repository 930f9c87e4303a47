import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { loadSqlite } from '../../src/embedded-postgres/load-sqlite.ts';

test('of the warnings that come as SQLite is loaded, that of SQLite is kept back, and nothing of what comes later', async () => {
  const warned: string[] = [];
  const listen = ({ message }: Error) => warned.push(message);
  process.on('warning', listen);
  const SQLITE = 'SQLite is an experimental feature and might change at any time';
  const { DatabaseSync } = loadSqlite(() => {
    // As Node 22 does.
    process.emitWarning(SQLITE, 'ExperimentalWarning');
    process.emitWarning('another one', 'ExperimentalWarning');
    return process.getBuiltinModule('node:sqlite');
  });
  process.emitWarning(SQLITE, 'ExperimentalWarning');
  const last = once(process, 'warning');
  await last;
  process.off('warning', listen);
  new DatabaseSync(':memory:').close();
  assert.deepEqual(warned, ['another one', SQLITE]);
});
