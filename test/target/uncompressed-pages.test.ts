import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { defaultSettings } from '../../src/embedded-postgres/cluster-settings.ts';
import { writeUncompressedPages } from '../../src/target/upsert/uncompressed-pages.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const OPTION = 'fhir_bucket_loader.wal_compression_of_small_changes';

test('page images are written as they are until the transaction ends, where the server leaves that to the loader', async (t) => {
  assert.equal(defaultSettings[OPTION], 'on');
  const client = await server.holdingTransaction(t);
  const compression = async () => (await client.query('show wal_compression')).rows[0];
  await client.query('set wal_compression = on');
  const before = await compression();
  for (const [option, after] of [
    ['off', before],
    ['on', { wal_compression: 'off' }],
  ] as const) {
    await client.query('savepoint before');
    await client.query(`set local ${OPTION} = ${option}`);
    await writeUncompressedPages(client);
    assert.deepEqual(await compression(), after);
    await client.query('rollback to before');
    assert.deepEqual(await compression(), before);
  }
});
