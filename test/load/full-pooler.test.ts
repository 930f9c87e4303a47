import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastFirst } from '../support/last-first.ts';
import { patients } from '../support/ndjson.ts';
import { NO_PGBOUNCER, startPgBouncer } from '../support/pg-bouncer.ts';
import { createMigratedDatabase } from '../support/test-database.ts';
import { startTestServer } from '../support/test-server.ts';
import { urlFromConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';

const FILES = 12;
const DONE = `select from loaderfile where resource ->> 'status' = 'done'`;

/** Too large for a batch: each takes a slot, and so a connection. */
const files = Object.fromEntries(
  Array.from({ length: FILES }, (_, n) => [
    `Patient-${n}.ndjson`,
    patients(3, `p-${n}`).map((each) => ({
      ...each,
      text: 'x'.repeat(30_000),
      generalPractitioner: [{ reference: `Practitioner?identifier=http://npi|${n}` }],
    })),
  ]),
);

describe('a load through PgBouncer with fewer connections than its slots', { skip: NO_PGBOUNCER }, () => {
  for (const [what, settings, parameters] of [
    ['which says that it has none free', 'query_wait_timeout = 1', ''],
    ['which lets clients wait for one', '', '?connect_timeout=1'],
  ] as const) {
    test(`${what}: fewer files at once`, async (t) => {
      const parts = lastFirst(t);
      const { connection } = await createMigratedDatabase(parts);
      const pooled = await startPgBouncer(parts, connection, 'session', `default_pool_size = 5\n${settings}`);
      const url = `${urlFromConnection(pooled)}${parameters}`;
      const server = await startTestServer(parts, { database: { connection, url } });
      const bucket = await server.bucketOf(files);
      const call = () => server.startLoad(bucket, { 'thread-num': 8, 'resolve-references?': true });
      // A call needs connections, too, and is answered 503 where there is none.
      await waitFor(async () => (await call()).status === 200, { what: 'a call that gets its connections' });
      await waitFor(async () => (await server.sql(DONE)).length === FILES, { what: 'all files' });
      assert.equal((await server.sql('select from patient')).length, 3 * FILES);
    });
  }
});
