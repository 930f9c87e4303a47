import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findPostmaster } from '../src/embedded-postgres/postmaster-process.ts';
import { programEnvironment } from './support/program-environment.ts';
import { waitFor } from './support/wait-for.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

describe('a server on an embedded Postgres leaves none behind', () => {
  test('at two signals in a row: the second changes nothing', async (t) => {
    const { child, cluster, said } = await spawnServer(t);
    await waitFor(() => said().includes('/rpc"'), { what: 'the start' });
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await waitFor(() => said().includes('"closing"'), { what: 'the first signal' });
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
    assert.match(said(), /closing already \(SIGTERM\)/);
    assert.equal(await findPostmaster(cluster), undefined);
  });

  test('at a signal in mid-start', async (t) => {
    const { child, cluster } = await spawnServer(t);
    await waitFor(async () => (await findPostmaster(cluster)) !== undefined, {
      what: 'the postmaster',
    });
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    assert.deepEqual(await exit, [0, null]);
    assert.equal(await findPostmaster(cluster), undefined);
  });

  test('where it exits without having closed', async (t) => {
    const { child, cluster, said } = await spawnServer(t, [
      '--import',
      // As a bug or a library might.
      `data:text/javascript,process.on('SIGUSR2', () => process.exit(7))`,
    ]);
    await waitFor(() => said().includes('/rpc"'), { what: 'the start' });
    const exit = once(child, 'exit');
    child.kill('SIGUSR2');
    assert.deepEqual(await exit, [7, null]);
    await waitFor(async () => (await findPostmaster(cluster)) === undefined, { what: 'the end of Postgres' });
  });
});

async function spawnServer(
  t: TestContext,
  options: readonly string[] = [],
): Promise<{ child: ChildProcess; cluster: string; said: () => string }> {
  const folder = await mkdtemp('/tmp/termination-');
  await chmod(folder, 0o755);
  const child = spawn(process.execPath, [...options, 'src/server.ts'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: programEnvironment({ LOADER_DATA_FOLDER: join(folder, 'data'), BOX_WEB_PORT: '0' }),
  });
  t.after(async () => {
    child.kill('SIGKILL');
    // A Postgres that the test left has its own way to end, and may still write.
    await rm(folder, { recursive: true, force: true, maxRetries: 100, retryDelay: 100 });
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return { child, cluster: join(folder, 'data', 'cluster'), said: () => output };
}
