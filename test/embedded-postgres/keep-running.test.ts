import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { readConfig } from '../../src/config.ts';
import { findPostmaster } from '../../src/embedded-postgres/postmaster-process.ts';
import { type RunningServer, startServer } from '../../src/start-server.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { waitFor } from '../support/wait-for.ts';

/** A recovery on a busy machine takes its time, and pauses between attempts to start grow. */
const AGAIN = { what: 'Postgres to be back' };

describe('the server brings its embedded Postgres back', () => {
  test('after a kill -9 of the postmaster, with what was committed', async (t) => {
    const { server, cluster } = await start(t);
    await run(server, 'create table kept as select 42 as answer');
    const pid = await findPostmaster(cluster);
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await waitFor(async () => {
      const now = await findPostmaster(cluster);
      return now !== undefined && now !== pid && (await isReady(server));
    }, AGAIN);
    assert.deepEqual(await run(server, 'select answer from kept'), [{ answer: 42 }]);
  });

  test('after its disk was full, once there is room again', async (t) => {
    const disk = await mountSmallDisk(t, 200);
    if (disk === undefined) return t.skip('a file system of its own needs the right to mount one');
    const { server, cluster } = await start(t, disk);
    await run(server, 'create table kept as select 42 as answer');
    const first = await findPostmaster(cluster);
    const ballast = join(disk, 'ballast');
    const { bavail, bsize } = await statfs(disk);
    await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 4 * 1024 * 1024)));
    // WAL that finds no room ends the postmaster: not even its recovery can write.
    await waitFor(
      async () => {
        await run(server, `select pg_logical_emit_message(true, 'test', repeat('x', 1000000))`).catch(() => {});
        return (await findPostmaster(cluster)) !== first;
      },
      { what: 'the end of Postgres' },
    );
    await rm(ballast);
    await waitFor(() => isReady(server), AGAIN);
    assert.deepEqual(await run(server, 'select answer from kept'), [{ answer: 42 }]);
  });

  test('but not once the server closes, also in the middle of bringing it back', async (t) => {
    const { server, cluster } = await start(t);
    const pid = await findPostmaster(cluster);
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await waitFor(async () => (await findPostmaster(cluster)) === undefined, { what: 'the end of Postgres' });
    await server.close();
    assert.equal(await findPostmaster(cluster), undefined);
  });
});

async function start(t: TestContext, disk?: string): Promise<{ server: RunningServer; cluster: string }> {
  const folder = disk ?? (await mkdtemp('/tmp/keep-running-'));
  await chmod(folder, 0o755);
  const dataFolder = join(folder, 'data');
  const env = {
    LOADER_DATA_FOLDER: dataFolder,
    BOX_WEB_PORT: '0',
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
  };
  const server = await startServer(readConfig(env));
  t.after(async () => {
    await server.close();
    if (disk === undefined) await rm(folder, { recursive: true, force: true });
  });
  return { server, cluster: join(dataFolder, 'cluster') };
}

async function isReady(server: RunningServer): Promise<boolean> {
  return (await fetch(`${server.url}/ready`)).status === 200;
}

async function run(server: RunningServer, statement: string): Promise<unknown[]> {
  const client = new pg.Client(server.database);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}
