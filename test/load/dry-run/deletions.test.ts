import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { dryRunAnswer } from '../../../src/rpc/dry-run-answer.ts';
import { lastFirst } from '../../support/last-first.ts';
import { createTestDatabase } from '../../support/test-database.ts';
import { asOwnRole } from '../../support/test-role.ts';
import { startTestServer } from '../../support/test-server.ts';

// A superuser may do everything.
const parts = lastFirst({ after });
const database = await createTestDatabase(parts);
const server = await startTestServer(parts, { database: await asOwnRole(parts, database) });

const NIGHTLY = { 'upsert?': true, 'history?': true, 'apply-deletions?': true };
const bundle = (...urls: string[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
});

async function dryRun(bucket: string, params: object) {
  const { status, body } = await server.startLoad(bucket, { 'dry-run?': true, ...params });
  assert.equal(status, 200, JSON.stringify(body));
  const { message, 'dry-run': report } = body.result as { message: string; 'dry-run': unknown };
  return { message, report: dryRunAnswer.parse(report) };
}

/** What the dry run says keeps files from being loaded, and what becomes of them without it. */
async function problemsOf(bucket: string, params: object = NIGHTLY) {
  const { report, message } = await dryRun(bucket, params);
  return { message, tables: report.types.flatMap(({ problems }) => problems), deletions: report.deletions?.problems };
}

describe('a dry run with apply-deletions?', () => {
  test('files of deletions have no table and no resources, and the load does what it said', async () => {
    const bucket = await server.bucketOf({
      'Flag.ndjson': [{ id: 'f' }, { id: 'g' }],
      'deleted/Flag.ndjson': [bundle('Flag/f')],
      'Bundle.ndjson': [bundle('Flag/g')],
    });
    const { message, report } = await dryRun(bucket, NIGHTLY);
    assert.deepEqual(
      report.types.map(({ type, table, files }) => [type, table, files]),
      [['Flag', 'public.flag', 1]],
    );
    assert.match(message, /3 new files; 3 files would be loaded\. 2 files of them list deletions\./);
    const sizes = Object.fromEntries(report['first-files'].map(({ file, size = 0 }) => [file, size]));
    assert.equal(
      report.bytes,
      Object.values(sizes).reduce((sum, size) => sum + size, 0),
    );
    assert.deepEqual(report.deletions, {
      files: 2,
      bytes: report.bytes - (sizes['Flag.ndjson'] ?? 0),
      problems: [],
    });
    assert.deepEqual((await server.load(bucket, NIGHTLY)).progress, { total: 3, done: 3 });
    assert.deepEqual(await server.sql(`select to_regclass('bundle') as bundle`), [{ bundle: null }]);
    // Without it Bundles are resources.
    const other = await server.bucketOf({ 'Bundle.ndjson': [bundle('Flag/g')] });
    const without = await dryRun(other, {});
    assert.deepEqual([without.report.types[0]?.table, without.report.deletions], ['public.bundle', undefined]);
  });

  test('what was deleted before is no measure of how many resources a file has', async () => {
    const lines = Array.from({ length: 500 }, (_, n) => ({ id: `g-${1_000 + n}` }));
    const deletes = lines.map(({ id }) => bundle(`Goal/${id}`));
    await server.load(await server.bucketOf({ 'Goal.ndjson': lines, 'deleted/Goal.ndjson': deletes }), NIGHTLY);
    const { report } = await dryRun(await server.bucketOf({ 'Goal.ndjson': lines, 'Bundle.ndjson': deletes }), NIGHTLY);
    assert.equal(report.types[0]?.resources, 500);
    assert.equal(report.estimate.resources, 500);
    assert.doesNotMatch(report.estimate.basis, /Bundle/);
  });
});

describe('a dry run names what the role may not do', () => {
  const role = () =>
    server.sql<{ name: string }>('select quote_ident(current_user) as name').then(([row]) => row?.name);

  test('with history tables, as the load then finds', async () => {
    await server.load(await server.bucketOf({ 'Basic.ndjson': [{ id: 'b' }] }), NIGHTLY);
    await server.sql(`revoke insert on basic_history from ${await role()}`);
    const bucket = await server.bucketOf({ 'Basic.ndjson': [{ id: 'b', language: 'de' }] });
    const { tables, message } = await problemsOf(bucket);
    assert.deepEqual(tables, ['basic_history: the role may not insert there']);
    assert.match(message, /Files of Basic would fail: basic_history: the role may not insert there/);
    assert.deepEqual((await server.load(bucket, NIGHTLY)).progress, { total: 1, error: 1 });
    const plain = await problemsOf(await server.bucketOf({ 'Basic.ndjson': [{ id: 'c' }] }), { 'upsert?': true });
    assert.deepEqual(plain.tables, []);
  });

  test('without upsert? the history is read for what was deleted, and such rows are updated, as the load then finds', async () => {
    const params = { 'history?': true, 'apply-deletions?': true };
    await server.load(await server.bucketOf({ 'Library.ndjson': [{ id: 'b' }] }), params);
    const bucket = await server.bucketOf({ 'Library.ndjson': [{ id: 'c' }] });
    await server.sql(`revoke insert on library_history from ${await role()}`);
    assert.deepEqual((await problemsOf(bucket, params)).tables, []);
    assert.deepEqual((await server.load(bucket, params)).progress, { total: 1, done: 1 });
    const other = await server.bucketOf({ 'Library.ndjson': [{ id: 'd' }] });
    await server.sql(`revoke select on library_history from ${await role()}`);
    await server.sql(`revoke update on library from ${await role()}`);
    assert.deepEqual((await problemsOf(other, params)).tables, [
      'the role may not update there',
      'library_history: the role may not select there',
    ]);
    assert.deepEqual((await server.load(other, params)).progress, { total: 1, error: 1 });
  });

  test('what is wrong with a history table', async () => {
    await server.load(await server.bucketOf({ 'Claim.ndjson': [{ id: 'c' }] }));
    await server.sql('alter table claim_history drop column cts');
    const { tables } = await problemsOf(await server.bucketOf({ 'Claim.ndjson': [{ id: 'c' }] }));
    assert.deepEqual(tables, [
      'claim_history: column cts is missing, must be timestamp with time zone, to the microsecond',
    ]);
  });

  test('where deletions are, in the tables that their names mean', async () => {
    await server.load(await server.bucketOf({ 'Device.ndjson': [{ id: 'd' }] }));
    await server.sql(`revoke delete on device from ${await role()}`);
    const bucket = await server.bucketOf({
      'deleted/Device.ndjson': [bundle('Device/d')],
      'deleted/Slot.ndjson': [bundle('Slot/never')],
    });
    const { deletions, message } = await problemsOf(bucket);
    assert.deepEqual(deletions, ['public.device: the role may not delete there']);
    assert.match(message, /Deletions would fail: public\.device: the role may not delete there\./);
    assert.deepEqual((await server.load(bucket, NIGHTLY)).progress, { total: 2, done: 1, error: 1 });
  });

  test('where it cannot create a history table, or stage rows', async () => {
    await server.load(await server.bucketOf({ 'Group.ndjson': [{ id: 'g' }] }));
    const name = await role();
    await server.sql('drop table group_history');
    const bucket = await server.bucketOf({ 'Group.ndjson': [{ id: 'g' }] });
    const { connection } = database;
    const grants = [`create on schema public`, `temp on database "${connection.database}"`];
    // As the owner of the database it has what pg_database_owner has.
    for (const grant of grants) await server.sql(`revoke ${grant} from ${name}, pg_database_owner, public`);
    const { tables } = await problemsOf(bucket);
    for (const grant of grants) await server.sql(`grant ${grant} to ${name}`);
    assert.deepEqual(tables, [
      'group_history does not exist, and the role may not create tables in schema public',
      'the role may not make temporary tables in the database',
    ]);
    assert.deepEqual((await problemsOf(bucket)).tables, []);
  });
});
