import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { refuseTransactionPooling } from '../../src/store/refuse-transaction-pooling.ts';
import { ServerProcess } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { type TestConnection, urlFromConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path));
const skip = PGBOUNCER === undefined && 'needs PgBouncer (apt-get install pgbouncer)';

describe('a connection pooler', () => {
  test('none: Postgres itself is accepted', async (t) => {
    const { connection } = await createTestDatabase(t);
    await refuseTransactionPooling(connection);
  });

  test('PgBouncer in session mode is accepted', { skip }, async (t) => {
    const { connection } = await createTestDatabase(t);
    await refuseTransactionPooling(await startPgBouncer(t, connection, 'session'));
  });

  for (const options of ['', 'server_round_robin = 1']) {
    test(`PgBouncer in transaction mode is refused ${options}`, { skip }, async (t) => {
      const { connection } = await createTestDatabase(t);
      const pooled = await startPgBouncer(t, connection, 'transaction', options);
      // Other clients have left connections to rotate among.
      const clients = Array.from({ length: 3 }, () => new pg.Client(pooled));
      for (const client of clients) await client.connect();
      await Promise.all(clients.map((client) => client.query('select pg_sleep(0.1)')));
      for (const client of clients) await client.end();
      await assert.rejects(refuseTransactionPooling(pooled), { name: 'TransactionPoolingError' });
    });
  }

  test('the server does not start on one, and says in a sentence what to set', { skip }, async (t) => {
    const { connection } = await createTestDatabase(t);
    const pooled = await startPgBouncer(t, connection, 'transaction');
    const server = ServerProcess.spawn(t, { databaseUrl: urlFromConnection(pooled) });
    assert.deepEqual(await server.exited, { code: 1, signal: null });
    assert.match(server.output, /^The database address leads to a connection pooler in transaction mode/m);
    assert.doesNotMatch(server.output, /^ +at /m);
  });
});

async function startPgBouncer(
  t: TestContext,
  connection: TestConnection,
  mode: 'session' | 'transaction',
  options = '',
): Promise<TestConnection> {
  const folder = await mkdtemp('/tmp/pgbouncer-');
  await chmod(folder, 0o755);
  const port = await freePort();
  const { host, port: serverPort, user, password = '' } = connection;
  const target = `host=${host} port=${serverPort} user=${user}${password === '' ? '' : ` password=${password}`}`;
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]\n* = ${target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\n` +
      `auth_type = any\npool_mode = ${mode}\nignore_startup_parameters = extra_float_digits\n${options}\n`,
  );
  const child = spawn(PGBOUNCER ?? '', [file], { stdio: 'ignore', ...accountOf(connection) });
  t.after(async () => {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
  });
  await waitFor(() => reaches(port), { what: 'PgBouncer' });
  return { ...connection, host: '127.0.0.1', port };
}

/** It does not run as root, and the test server's socket may be open to its own user only. */
function accountOf({ host }: TestConnection): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const owner = host.startsWith('/') ? Number(execFileSync('stat', ['-c', '%u', host])) : 0;
  const uid = owner === 0 ? Number(execFileSync('id', ['-u', 'nobody'])) : owner;
  return { uid, gid: uid };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function reaches(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return await once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}
