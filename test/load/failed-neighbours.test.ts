import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

// Files of a thread make their rows in the same buffers, one after another: what one leaves when it fails must not reach another's rows.
const server = await startTestServer({ after }, { env: { LOADER_FORMAT: 'as-is', LOADER_THREADS: '1' } });

/** Resources of about 1.3 kB that are all different, in text that gzip does not reduce to nothing. */
function resources(type: string, prefix: string, count: number) {
  return Array.from({ length: count }, (_, n) => {
    const words = Array.from({ length: 100 }, (_unused, k) => ((n + 1) * 7919 * (k + 3) * prefix.length) % 1_000_003);
    return { resourceType: type, id: `${prefix}-${n}`, note: [{ text: `${prefix} ${words.join('-')}` }] };
  });
}

const ROWS = 2_500;
const good = Array.from({ length: 6 }, (_, n) => resources('Patient', `good-${'x'.repeat(n)}`, ROWS));
/** Whose last row but one Postgres refuses. */
const bad = Array.from({ length: 12 }, (_, n) => {
  const all = resources('Patient', `bad-${'y'.repeat(n)}`, ROWS);
  const twice = all[3];
  assert.ok(twice !== undefined);
  return all.with(-2, twice);
});

async function assertOnlyGood(on: TestServer): Promise<void> {
  const rows = await on.sql<{ id: string; resource: object }>('select id, resource from patient');
  const stored = new Map(rows.map(({ id, resource }) => [id, resource]));
  assert.equal(rows.length, good.length * ROWS);
  for (const { id, note } of good.flat()) assert.deepEqual(stored.get(id), { note });
}

function bucket(files: Readonly<Record<string, readonly object[]>>): Promise<string> {
  return server.bucketOf(files);
}

describe('files that fail in the middle of their COPY do no harm to the rows of others', () => {
  test('since Postgres refuses a row; its line is right', async () => {
    const name = await bucket({
      ...Object.fromEntries(bad.map((file, n) => [`Patient-bad-${n}.ndjson.gz`, file])),
      ...Object.fromEntries(good.map((file, n) => [`Patient-good-${n}.ndjson.gz`, file])),
    });
    const { progress } = await server.load(name, { 'thread-num': 4 });
    assert.deepEqual(progress, { total: 18, done: 6, error: 12 });
    for (const n of bad.keys()) {
      const { message, error } = await server.loaderFile(name, `Patient-bad-${n}.ndjson.gz`);
      assert.equal(error?.code, '23505');
      assert.match(message ?? '', new RegExp(`line ${ROWS - 1}\\b`));
    }
    await assertOnlyGood(server);
  });

  test('since their backends end while Postgres takes nothing more', async (t) => {
    await server.sql('truncate patient');
    const gate = await server.gate(t, 'patient');
    const name = await bucket(Object.fromEntries(good.map((file, n) => [`Patient-cut-${n}.ndjson.gz`, file])));
    await server.startLoad(name, { 'thread-num': 4 });
    const copies = () => server.sql(`select from pg_stat_progress_copy where datname = current_database()`);
    for (let round = 0; round < 2; round++) {
      await waitFor(async () => (await copies()).length === 4, { what: 'four COPYs that wait' });
      await server.sql(
        `select pg_terminate_backend(pid) from pg_stat_progress_copy where datname = current_database()`,
      );
    }
    await gate.open();
    assert.deepEqual(await server.ended(name), { state: 'completed', progress: { total: 6, done: 6 } });
    await assertOnlyGood(server);
  });
});
