import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toClientError } from '../../src/errors/to-client-error.ts';
import { awaitRoom } from '../../src/store/await-room.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { lastFirst } from '../support/last-first.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';

test('who finds no connection free asks again until there is one; who has waited long enough is told why', async (t) => {
  const parts = lastFirst(t);
  const own = await asOwnRole(parts, await createTestDatabase(parts), 'connection limit 1');
  const poolOf = () => createPool(own.connection, { max: 1, onIdleError: () => {} });
  const holding = poolOf();
  await holding.query('select 1');
  const asking = poolOf();
  parts.after(() => asking.end());
  const ask = () => asking.query('select 1 as one');
  const refused = await awaitRoom(ask, 0).catch(toClientError);
  assert.ok(refused !== undefined && 'kind' in refused);
  assert.deepEqual([refused.kind, refused.details.code], ['database-unavailable', '53300']);
  assert.match(
    refused.message,
    /^The database has no connection free: loads and other programs use as many as .*; try again\.$/,
  );
  let refusals = 0;
  const { rows } = await awaitRoom(async () => {
    try {
      return await ask();
    } catch (error) {
      refusals++;
      await holding.end();
      throw error;
    }
  });
  assert.deepEqual([rows, refusals], [[{ one: 1 }], 1]);
  await assert.rejects(
    awaitRoom(async () => {
      refusals++;
      await asking.query('select 1 / 0');
    }),
    { code: '22012' },
  );
  assert.equal(refusals, 2, 'asked once');
});
