import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultSettings, formatSettings, socketPort } from '../../src/embedded-postgres/cluster-settings.ts';
import { clusterName } from '../../src/embedded-postgres/data-folder.ts';
import { startPostmaster, stopPostmaster } from '../../src/embedded-postgres/postmaster.ts';
import { findPostmaster, processTitle } from '../../src/embedded-postgres/postmaster-process.ts';
import { findRunAccount } from '../../src/embedded-postgres/run-account.ts';
import { runProgram } from '../../src/embedded-postgres/run-program.ts';
import { giveFolder } from '../../src/embedded-postgres/safe-files.ts';
import { createSocketFolder } from '../../src/embedded-postgres/socket-folder.ts';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';

export interface StartedPostgres {
  readonly connection: { host: string; port: number; user: string; database: string };
  readonly pid: number | undefined;
  /** Stops the server and removes all its data. */
  stop(): Promise<void>;
}

/**
 * Starts a Postgres on a new cluster with the settings of the embedded one, on a Unix socket.
 * @param bin folder of another server's `initdb` and `pg_ctl`; undefined for the embedded one
 * @param settings settings besides
 */
export async function startPostgres(
  bin: string | undefined,
  settings: Readonly<Record<string, string>>,
): Promise<StartedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-postgres-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    return bin === undefined
      ? await startEmbedded(folder, settings, removeFolder)
      : await startOther(bin, folder, settings, removeFolder);
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

async function startEmbedded(
  dataFolder: string,
  settings: Readonly<Record<string, string>>,
  removeFolder: () => Promise<void>,
): Promise<StartedPostgres> {
  const embedded = await startEmbeddedPostgres({ dataFolder, settings });
  return {
    connection: embedded.connection,
    pid: await findPostmaster(join(embedded.dataFolder, clusterName)),
    async stop() {
      await embedded.stop();
      await removeFolder();
      // Another one when the temporary folder is closed to the user Postgres runs as.
      await rm(embedded.dataFolder, { recursive: true, force: true });
    },
  };
}

async function startOther(
  bin: string,
  folder: string,
  settings: Readonly<Record<string, string>>,
  removeFolder: () => Promise<void>,
): Promise<StartedPostgres> {
  const account = await findRunAccount();
  await giveFolder(account, folder);
  const cluster = join(folder, clusterName);
  const args = [`--pgdata=${cluster}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  const { exitCode, output } = await runProgram(join(bin, 'initdb'), [...args, '--no-sync'], account);
  if (exitCode !== 0) throw new Error(`initdb failed: ${output}`);
  const host = await createSocketFolder(folder, account);
  const fixed = { cluster_name: processTitle(cluster), listen_addresses: '', unix_socket_directories: host };
  await appendFile(
    join(cluster, 'postgresql.conf'),
    `\n${formatSettings({ ...defaultSettings, ...settings, ...fixed, port: String(socketPort) })}`,
  );
  const postmaster = { pgCtl: join(bin, 'pg_ctl'), cluster, logFile: join(folder, 'postgres.log'), account };
  await startPostmaster(postmaster);
  return {
    connection: { host, port: socketPort, user: 'postgres', database: 'postgres' },
    pid: await findPostmaster(cluster),
    async stop() {
      await stopPostmaster(postmaster, 'fast');
      await rm(host, { recursive: true, force: true });
      await removeFolder();
    },
  };
}
