import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import Fastify from 'fastify';
import pg from 'pg';
import { acceptBodyFormats } from '../../src/http/body-formats-plugin.ts';
import { handleErrors } from '../../src/http/error-handler.ts';
import { resourceRoutes } from '../../src/http/resource-routes.ts';
import { addLoaderFiles } from '../../src/store/loader-file/add-loader-files.ts';
import { claimLoaderFiles, lockFile } from '../../src/store/loader-file/queue.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

const closing = lastFirst({ after });
const database = await createMigratedDatabase(closing);
const pool = new pg.Pool({ ...database.connection, max: 2 });
closing.after(() => pool.end());
const loader = new pg.Client(database.connection);
await loader.connect();
closing.after(() => loader.end());

const app = Fastify();
closing.after(() => app.close());
handleErrors(app);
await acceptBodyFormats(app);
// A delete that waits for a lock waits for ever here: what is answered was answered without.
resourceRoutes(app, { pool, loadableTypes: { named: [], everyTable: false }, lockTimeoutMs: 0 });

const bucket = 's3://in-flight';
let ids: string[] = [];

beforeEach(async () => {
  await loader.query('rollback');
  await loader.query('delete from loaderfile');
  const files = ['a', 'b'].map((name) => ({ key: `Patient-${name}.ndjson`, type: 'Patient' }));
  await addLoaderFiles(loader, bucket, files);
  const { rows } = await loader.query<{ id: string }>(`select id from loaderfile order by resource ->> 'file'`);
  ids = rows.map(({ id }) => id);
});

describe('DELETE of a LoaderFile', () => {
  for (const [what, url] of [
    ['by id', () => `/LoaderFile/${ids[0]}`],
    ['by condition, of several', () => `/fhir/LoaderFile?bucket=${bucket}`],
  ] as const)
    test(`that is being loaded is refused at once, ${what}`, async () => {
      await claimLoaderFiles(loader, ids, 1);
      await loader.query('begin');
      assert.ok(await lockFile(loader, ids[0] ?? '', ['in-progress']));
      const headers = { 'x-conditional-delete': 'remove-all' };
      const answer = await app.inject({ method: 'DELETE', url: url(), headers });
      assert.deepEqual(
        [answer.statusCode, answer.json().error.message],
        [409, 'One of these files is being loaded right now; wait until it is finished.'],
      );
      await loader.query('commit');
      assert.equal((await loader.query('select from loaderfile')).rowCount, 2);
    });

  test('whose loader has died is done', async () => {
    await claimLoaderFiles(loader, ids, 1);
    assert.equal((await app.inject({ method: 'DELETE', url: `/LoaderFile/${ids[0]}` })).statusCode, 200);
  });

  test('that is only being changed waits for that', async () => {
    await loader.query('begin');
    await claimLoaderFiles(loader, ids, 1);
    const answer = app.inject({ method: 'DELETE', url: `/LoaderFile/${ids[0]}` });
    const waiting = `select from pg_locks join pg_stat_activity using (pid)
                      where not granted and locktype = 'transactionid' and datname = current_database()`;
    await waitFor(async () => (await loader.query(waiting)).rowCount === 1, { what: 'the delete that waits' });
    await loader.query('rollback');
    assert.equal((await answer).statusCode, 200);
  });
});
