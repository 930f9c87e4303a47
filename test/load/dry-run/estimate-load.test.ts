import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import pg from 'pg';
import { estimateDisk, readExperience } from '../../../src/load/dry-run/estimate-load.ts';
import { readPastPace } from '../../../src/store/loader-file/past-loads.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { createTestDatabase } from '../../support/test-database.ts';

const database = await createTestDatabase({ after });
await migrate(database.connection);
const db = new pg.Client(database.connection);
// The database is dropped under it.
db.on('error', () => {});
await db.connect();
after(() => db.end());

const done = async (n: number, file: { size: number; start: string; end: string; status?: string }) => {
  await db.query(`insert into loaderfile (id, txid, status, resource) values ($1, 1, 'created', $2)`, [
    `00000000-0000-8000-8000-00000000000${n}`,
    { status: 'done', type: 'Patient', loaded: 1, ...file },
  ]);
};

test('the pace counts the time in which something was loading, once, and no pauses', async () => {
  assert.deepEqual(await readPastPace(db), { files: 0, bytes: 0, seconds: 0 });
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  // Two at once and one within them: 10 s. A pause. Another 5 s.
  await done(1, { size: 100, start: at(0), end: at(6) });
  await done(2, { size: 200, start: at(4), end: at(10) });
  await done(3, { size: 300, start: at(5), end: at(6) });
  await done(4, { size: 400, start: at(100), end: at(105) });
  await done(5, { size: 5_000, start: at(0), end: at(50), status: 'error' });
  assert.deepEqual(await readPastPace(db), { files: 4, bytes: 1_000, seconds: 15 });
});

test('where the database’s files are on this machine, the free disk is known', async () => {
  const experience = await readExperience(db);
  const disk = await estimateDisk(db, experience, { amounts: [], databaseFolder: tmpdir() });
  assert.ok((disk['free-bytes'] ?? 0) > 0 && disk['database-bytes'] > 0);
  assert.doesNotMatch(disk.basis, /does not tell/);
  const elsewhere = await estimateDisk(db, experience, { amounts: [], databaseFolder: undefined });
  assert.equal(elsewhere['free-bytes'], undefined);
});
