import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createPool } from '../../src/store/create-pool.ts';
import { ensureResourceTable } from '../../src/store/ensure-resource-table.ts';
import { migrate } from '../../src/store/migrate.ts';
import { IdentifierIndex } from '../../src/store/references/identifier-index.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase } from '../support/test-database.ts';

const parts = lastFirst({ after });
const { connection } = await createMigratedDatabase(parts);
await migrate(connection);
const pool = createPool(connection, { max: 2, onIdleError: () => {} });
parts.after(() => pool.end());
await ensureResourceTable(pool, 'Patient', { distribute: false });
const client = await pool.connect();
parts.after(() => client.release());

test('an identifier means the only resource that has it; of two it means neither', async () => {
  const identifiers = {
    one: [{ system: 's', value: 'both' }],
    other: [{ system: 's', value: 'both' }],
    twice: [
      { system: 's', value: 'twice' },
      { system: 's', value: 'twice' },
    ],
    plain: [{ value: 'plain' }],
    elsewhere: [{ system: 'elsewhere', value: 'plain' }],
  };
  for (const [id, identifier] of Object.entries(identifiers))
    await client.query(`insert into patient (id, txid, status, resource) values ($1, 1, 'created', $2)`, [
      id,
      { identifier },
    ]);
  const index = IdentifierIndex.ofLoad('s3://bucket');
  const fresh = { call: 1n, doneFiles: 0 };
  await index.fill(client, 'Patient', fresh);
  const find = async (system: string | undefined, value: string, call = 1n) =>
    (await index.find(client, [{ type: 'Patient', system, value, ...fresh, call }]))[0];
  assert.deepEqual(await find('s', 'both'), { matches: 2 });
  assert.deepEqual(await find('s', 'twice'), { id: 'twice' });
  assert.deepEqual(await find(undefined, 'plain'), { matches: 2 });
  assert.deepEqual(await find('', 'plain'), { id: 'plain' });
  assert.deepEqual(await find('elsewhere', 'plain'), { id: 'elsewhere' });
  assert.deepEqual(await find('s', 'nobody'), { matches: 0 });
  assert.equal(await find('s', 'twice', 2n), undefined, 'a later call may have brought others');
});
