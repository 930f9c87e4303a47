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

test('the pace is that of loads that came to their end and loaded something', async () => {
  assert.deepEqual(await readPastPace(db), { loads: 0, bytes: 0, seconds: 0 });
  const run = async (outcome: string | null, bytes: number, seconds: number) => {
    const began = new Date(Date.UTC(2026, 0, 1));
    const ended = outcome === null ? null : new Date(began.getTime() + seconds * 1_000);
    await db.query(
      `insert into fhir_bucket_loader.load_run (bucket, started_at, ended_at, outcome, first_txid, figures)
       values ('s3://a', $1, $2, $3, 1, $4)`,
      [began, ended, outcome, { bytes }],
    );
  };
  await run('completed', 100, 10);
  await run('completed', 0, 1_000);
  await run('cancelled', 5_000, 1);
  await run(null, 7_000, 1);
  await run('completed', 900, 5);
  assert.deepEqual(await readPastPace(db), { loads: 2, bytes: 1_000, seconds: 15 });
});

test('where the database’s files are on this machine, the free disk is known', async () => {
  const experience = await readExperience(db);
  const disk = await estimateDisk(db, experience, { amounts: [], databaseFolder: tmpdir() });
  assert.ok((disk['free-bytes'] ?? 0) > 0 && disk['database-bytes'] > 0);
  assert.doesNotMatch(disk.basis, /does not report/);
  const elsewhere = await estimateDisk(db, experience, { amounts: [], databaseFolder: undefined });
  assert.equal(elsewhere['free-bytes'], undefined);
});
