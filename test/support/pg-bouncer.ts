import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import type { Closing } from './last-first.ts';
import type { TestConnection } from './test-server-address.ts';
import { waitFor } from './wait-for.ts';

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path));

/** Why tests with PgBouncer are skipped; false where it is there. */
export const NO_PGBOUNCER = PGBOUNCER === undefined && 'needs PgBouncer (apt-get install pgbouncer)';

/** PgBouncer in front of a database, on a port of its own; ends with `t`. @param options further lines of its settings */
export async function startPgBouncer(
  t: Closing,
  connection: TestConnection,
  mode: 'session' | 'transaction' | 'statement',
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

async function reaches(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return await once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}
