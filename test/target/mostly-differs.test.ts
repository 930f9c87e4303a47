import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { mostlyDiffers } from '../../src/target/upsert/mostly-differs.ts';
import { createStage, stageOf } from '../../src/target/upsert/stage.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

const ROWS = 2_000;
const APART = 7;
/** SQL of the number of each of a file's rows. */
const numbers = `generate_series(1, ${ROWS}) n`;

type Parent = Parameters<typeof server.holdingTransaction>[0];

/** What is guessed of a file whose rows have these ids, in SQL, `n` the number of each. @param before statements of the same transaction */
async function guess(t: Parent, id: string, before = '') {
  const client = await server.holdingTransaction(t);
  await client.query(before);
  const stage = stageOf({ keyed: false, hashed: true });
  await createStage(client, stage);
  await client.query(
    `insert into ${stage.name} (row, hash, id, resource) select n, md5(n::text)::uuid, (${id})::text, '{"n":2}' from ${numbers}`,
  );
  const differing = await mostlyDiffers(client, { schema: 'public', name: 'account' }, stage, ROWS);
  await client.query('rollback');
  return differing;
}

await server.load(await server.bucketOf({ 'Account.ndjson': [{ id: 'first' }] }));

describe('a file of new rows is not written without a look', () => {
  const cases: [what: string, statements: string][] = [
    ['under repeatable read', 'rollback; begin isolation level repeatable read'],
    ['under serializable', 'rollback; begin isolation level serializable'],
    ['where the table has a rule', 'create rule none as on delete to account do instead nothing'],
    [
      'where it has a trigger',
      `create function same() returns trigger language plpgsql as 'begin return new; end';
       create trigger same after insert on account for each row execute function same()`,
    ],
    ['where it has a check', `alter table account add check (id <> '') not valid`],
    ['where others inherit from it', 'create table accounts () inherits (account)'],
    [
      'where it is a partition',
      `create table accounts (like account including all) partition by hash (id);
       alter table accounts attach partition account for values with (modulus 1, remainder 0)`,
    ],
    [
      'where row-level security applies to the role',
      `create role mostly_differs_reader; grant all on account to mostly_differs_reader; alter table account enable row level security; set local role mostly_differs_reader`,
    ],
  ];
  test('else it is', async (t) => assert.deepEqual(await guess(t, 'n'), { fillPages: true, inFileOrder: false }));
  for (const [what, statements] of cases)
    test(what, async (t) => assert.equal(await guess(t, 'n', statements), undefined));
});

test('pages are taken for filled where a file’s rows lie together, however large the table; not where they lie scattered', async (t) => {
  await server.sql('truncate account');
  await server.sql('alter table account set (fillfactor = 10)');
  // One row in a page.
  await server.sql(
    `insert into account (id, txid, resource_type, status, resource)
     select n, n, 'Account', 'created', jsonb_build_object('text', repeat('x', 900))
       from generate_series(1, ${APART * ROWS}) n order by n`,
  );
  const [size] = await server.sql<{ pages: number }>(
    `select pg_relation_size('account') / current_setting('block_size')::float8 as pages`,
  );
  assert.equal(size?.pages, APART * ROWS);
  assert.equal((await guess(t, `n`))?.fillPages, true);
  assert.equal((await guess(t, `n + ${(APART - 1) * ROWS}`))?.fillPages, true);
  assert.equal((await guess(t, `n * ${APART}`))?.fillPages, false);
  // New ones have pages of their own.
  assert.equal((await guess(t, `-n`))?.fillPages, true);
});

test('a file is in the order of the table where its lines are, and the order of its ids is another', async (t) => {
  const inOrder = async (stored: string, id = 'md5(n::text)') => {
    await server.sql('truncate account');
    await server.sql(
      `insert into account (id, txid, resource_type, status, resource)
       select (${id})::text, 0, 'Account', 'created', '{"n":1}' from ${numbers} order by ${stored}`,
    );
    return (await guess(t, id))?.inFileOrder;
  };
  assert.equal(await inOrder('n'), true);
  // Some of them lie elsewhere.
  assert.equal(await inOrder('n % 10 = 7, n'), true);
  assert.equal(await inOrder('n desc'), false);
  assert.equal(await inOrder('md5(n::text) collate "C"'), false);
  assert.equal(await inOrder('md5(n::text || 1)'), false);
  assert.equal(await inOrder('n', `lpad(n::text, 9, '0')`), false);
});
