import { appendFile, chmod, chown, mkdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultSettings, formatSettings, socketPort } from './cluster-settings.ts';
import { findNativeFolder } from './native-package.ts';
import { findRunAccount } from './run-account.ts';
import { runProgram } from './run-program.ts';

export type EmbeddedPostgres = {
  /** `host` is the folder of the Unix socket; no password. */
  connection: { host: string; port: number; user: string; database: string };
  dataFolder: string;
  stop(): Promise<void>;
};

/** Starts Postgres. */
export async function startEmbeddedPostgres(options: {
  dataFolder: string;
  settings?: Record<string, string>;
}): Promise<EmbeddedPostgres> {
  const native = await findNativeFolder();
  const account = await findRunAccount();
  await mkdir(options.dataFolder, { recursive: true });
  const dataFolder = await realpath(options.dataFolder);
  if (account.uid !== undefined) await chown(dataFolder, account.uid, account.gid ?? account.uid);
  const cluster = join(dataFolder, 'cluster');
  const socketFolder = join(dataFolder, 'socket');
  await mkdir(socketFolder, { recursive: true });
  await chmod(socketFolder, 0o700);
  if (account.uid !== undefined) await chown(socketFolder, account.uid, account.gid ?? account.uid);
  const run = async (program: string, args: string[]): Promise<void> => {
    const { exitCode, output } = await runProgram(join(native.folder, 'bin', program), args, account);
    if (exitCode !== 0) throw new Error(`${program} failed: ${output}`);
  };
  const exists = await stat(join(cluster, 'PG_VERSION')).catch(() => undefined);
  if (exists === undefined) {
    await run('initdb', ['-D', cluster, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C']);
    await appendFile(join(cluster, 'postgresql.conf'), "\ninclude 'embedded.conf'\n");
  }
  const fixed = { listen_addresses: '', unix_socket_directories: socketFolder, port: String(socketPort) };
  await writeFile(
    join(cluster, 'embedded.conf'),
    formatSettings({ ...defaultSettings, ...options.settings, ...fixed }),
  );
  await run('pg_ctl', ['start', '-w', '-D', cluster, '-l', join(dataFolder, 'postgres.log')]);
  return {
    connection: { host: socketFolder, port: socketPort, user: 'postgres', database: 'postgres' },
    dataFolder,
    stop: async () => {
      await run('pg_ctl', ['stop', '-m', 'fast', '-w', '-D', cluster]);
      await rm(socketFolder, { recursive: true, force: true });
    },
  };
}
