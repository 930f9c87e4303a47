import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { mostlyDiffers } from '../../src/target/upsert/mostly-differs.ts';
import { createStage, stageOf } from '../../src/target/upsert/stage.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

const ROWS = 2_000;
const APART = 7;
/** SQL of the number of each of a file's rows. */
const numbers = `generate_series(1, ${ROWS}) n`;

/** What is guessed of a file whose rows have these ids, in SQL, `n` the number of each. */
async function guess(t: Parameters<typeof server.holdingTransaction>[0], id: string) {
  const client = await server.holdingTransaction(t);
  const stage = stageOf({ keyed: false, hashed: true });
  await createStage(client, stage);
  await client.query(
    `insert into ${stage.name} (row, hash, id, resource) select n, md5(n::text)::uuid, (${id})::text, '{"n":2}' from ${numbers}`,
  );
  const differing = await mostlyDiffers(client, { schema: 'public', name: 'account' }, stage, ROWS);
  await client.query('rollback');
  return differing;
}

test('pages are taken for filled where a file’s rows lie together, however large the table; not where they lie scattered', async (t) => {
  await server.load(await server.bucketOf({ 'Account.ndjson': [{ id: 'first' }] }));
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
  assert.deepEqual(await guess(t, `n`), { fillPages: true });
  assert.deepEqual(await guess(t, `n + ${(APART - 1) * ROWS}`), { fillPages: true });
  assert.deepEqual(await guess(t, `n * ${APART}`), { fillPages: false });
  // New ones have pages of their own.
  assert.deepEqual(await guess(t, `-n`), { fillPages: true });
});
