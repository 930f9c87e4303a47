import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { findPostmaster } from '../../src/embedded-postgres/postmaster-process.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import { waitFor } from '../support/wait-for.ts';

const busyStatements = `SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%1e9%'
                        AND pid <> pg_backend_pid()`;

/** Postgres, which is another user when root runs the tests, may not reach a temporary folder of root's own. */
const isRoot = process.getuid?.() === 0;
const temporary = isRoot ? '/tmp' : tmpdir();

describe('startEmbeddedPostgres', () => {
  let dataFolder = '';

  before(async () => {
    dataFolder = await mkdtemp(join(temporary, 'embedded-postgres-'));
    await chmod(dataFolder, 0o755);
  });
  after(async () => {
    await rm(dataFolder, { recursive: true, force: true });
  });

  const start = async (t: TestContext, settings: Record<string, string> = {}): Promise<EmbeddedPostgres> => {
    const postgres = await startEmbeddedPostgres({ dataFolder, settings });
    t.after(() => postgres.stop());
    return postgres;
  };

  test('creates a durable UTF-8 cluster without a TCP port, and lets settings be overridden', async (t) => {
    const postgres = await start(t, { work_mem: '5MB', max_connections: '7' });
    const [row] = await query(
      postgres,
      `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
              current_setting('listen_addresses') AS addresses, current_setting('server_encoding') AS encoding,
              current_setting('max_connections') AS connections, current_setting('work_mem') AS work_mem,
              lower('ÄÖ') AS lower, 'a' > 'B' AS by_code_point`,
    );
    assert.deepEqual(row, {
      fsync: 'on',
      full_page_writes: 'on',
      addresses: '',
      encoding: 'UTF8',
      connections: '7',
      work_mem: '5MB',
      lower: 'äö',
      by_code_point: true,
    });
    assert.equal((await stat(postgres.connection.host)).mode & 0o777, 0o700);
  });

  test('keeps data over stop and start, and stop leaves no process and no socket', async (t) => {
    const first = await start(t);
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    assert.equal(await findPostmaster(join(dataFolder, 'cluster')), undefined);
    assert.equal(existsSync(first.connection.host), false);
    assert.deepEqual(readdirSync(dataFolder).sort(), ['cluster', 'owner.lock', 'postgres.log']);

    const second = await start(t);
    assert.deepEqual(await query(second, 'SELECT answer FROM kept'), [{ answer: 42 }]);
  });

  test('refuses a data folder that another process uses, and leaves that one running', async (t) => {
    const postgres = await start(t);
    await assert.rejects(startEmbeddedPostgres({ dataFolder }), new RegExp(`in use .*process ${process.pid}`));
    assert.deepEqual(await query(postgres, 'SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('restarts cleanly after its postmaster was killed, with everything that was committed', async (t) => {
    const postgres = await start(t);
    await query(postgres, 'CREATE TABLE committed AS SELECT generate_series(1, 1000) AS n');
    // A child process that computes does not notice the end of its postmaster.
    const busy = assert.rejects(query(postgres, 'SELECT count(*) FROM generate_series(1, 1e9) AS n'));
    await waitFor(async () => (await query(postgres, busyStatements)).length > 0, { what: 'the busy statement' });
    await postgres.kill();
    await assert.rejects(query(postgres, 'SELECT 1'));
    await postgres.restart({ mode: 'fast' });
    await busy;
    assert.deepEqual(await query(postgres, 'SELECT count(*)::int AS n FROM committed'), [{ n: 1000 }]);
    await postgres.restart({ mode: 'immediate' });
    assert.deepEqual(await query(postgres, 'SELECT count(*)::int AS n FROM committed'), [{ n: 1000 }]);
  });

  test('replaces the Postgres that a killed server left running', async (t) => {
    const module = new URL('../../src/embedded-postgres/start-embedded-postgres.ts', import.meta.url);
    const script = `
      const { startEmbeddedPostgres } = await import(${JSON.stringify(module.href)});
      const postgres = await startEmbeddedPostgres({ dataFolder: ${JSON.stringify(dataFolder)} });
      console.log('started');
      setInterval(() => postgres, 1000);`;
    const server = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(server.stdout, 'data');
    server.kill('SIGKILL');
    await once(server, 'exit');
    const orphan = await findPostmaster(join(dataFolder, 'cluster'));
    assert.ok(orphan !== undefined);

    const postgres = await start(t);
    assert.notEqual(await findPostmaster(join(dataFolder, 'cluster')), orphan);
    assert.deepEqual(await query(postgres, 'SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('starts when the process id in a stale pid file belongs to another process', async (t) => {
    const killed = await start(t);
    await killed.kill();
    const pidFile = join(dataFolder, 'cluster', 'postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    await writeFile(pidFile, [process.pid, ...lines.slice(1)].join('\n'));
    await killed.stop();

    const postgres = await start(t);
    assert.deepEqual(await query(postgres, 'SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('fails with the end of the log, leaves nothing running and the data folder free', async (t) => {
    await assert.rejects(
      startEmbeddedPostgres({ dataFolder, settings: { shared_buffers: 'plenty' } }),
      /invalid value for parameter "shared_buffers": "plenty"/,
    );
    await assert.rejects(startEmbeddedPostgres({ dataFolder, settings: { 'a b': '' } }), /Not the name .*"a b"/);
    assert.equal(existsSync(join(dataFolder, 'socket')), false);
    await start(t);
  });

  test('uses a short temporary socket folder for a long path, and clears up an unfinished creation', async (t) => {
    const longFolder = join(dataFolder, 'a long name '.repeat(10).trim());
    const unfinished = join(longFolder, 'cluster.unfinished-abc');
    await mkdir(unfinished, { recursive: true });
    const postgres = await startEmbeddedPostgres({ dataFolder: longFolder });
    t.after(() => postgres.stop());
    assert.equal(existsSync(unfinished), false);
    assert.ok(Buffer.byteLength(postgres.connection.host) < 90);
    assert.deepEqual(await query(postgres, 'SELECT 1 AS one'), [{ one: 1 }]);
    await postgres.stop();
    assert.equal(existsSync(postgres.connection.host), false);
  });

  test('started by root below a folder closed to others, keeps the data in /var/lib', { skip: !isRoot }, async (t) => {
    const closed = join(dataFolder, 'closed');
    const requested = join(closed, 'data');
    await mkdir(requested, { recursive: true });
    await chmod(closed, 0o700);
    const postgres = await startEmbeddedPostgres({ dataFolder: requested });
    t.after(async () => {
      await postgres.stop();
      await rm(postgres.dataFolder, { recursive: true });
    });
    assert.match(postgres.dataFolder, /^\/var\/lib\/fhir-bucket-loader\/data-[0-9a-f]{16}$/);
    assert.equal(await realpath(join(requested, 'cluster')), join(postgres.dataFolder, 'cluster'));
    await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await postgres.stop();
    // Also once the folder is open: the link leads to the data.
    await chmod(closed, 0o755);
    const again = await startEmbeddedPostgres({ dataFolder: requested });
    t.after(() => again.stop());
    assert.deepEqual(await query(again, 'SELECT answer FROM kept'), [{ answer: 42 }]);
    await again.stop();
  });
});

async function query({ connection }: EmbeddedPostgres, statement: string): Promise<unknown[]> {
  const client = new pg.Client(connection);
  // A lost connection also makes the query below fail.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
