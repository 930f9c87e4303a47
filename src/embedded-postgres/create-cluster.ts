import { lstat, mkdtemp, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../errors/start-error.ts';
import { formatSettings } from './cluster-settings.ts';
import { clusterName } from './data-folder.ts';
import { hasErrorCode } from './error-code.ts';
import { type RunAccount, runProgram } from './run-program.ts';
import { appendToFile, giveFolder, readText, removeFolder, replaceFile } from './safe-files.ts';

const settingsFile = 'embedded.conf';
const unfinishedPrefix = `${clusterName}.unfinished-`;
const majorVersion = '18';

/**
 * Returns the path of the data folder's cluster, after creating it (UTF-8, sorted by code point, Unicode upper and
 * lower case) when there is none. A creation that is cut short leaves only a folder that the next one removes.
 * `sync: false` skips the flush to disk. Throws when initdb fails or the cluster is of another version or user.
 */
export async function createCluster(options: {
  dataFolder: string;
  initdb: string;
  account: RunAccount;
  sync: boolean;
}): Promise<string> {
  const cluster = join(options.dataFolder, clusterName);
  if (await isUsableCluster(cluster, options.account)) return cluster;
  await removeUnfinished(options);
  const unfinished = await mkdtemp(join(options.dataFolder, unfinishedPrefix));
  try {
    await giveFolder(options.account, unfinished);
    await initialise(unfinished, options);
    await rename(unfinished, cluster);
    await flush(options.dataFolder);
  } catch (error) {
    await removeFolder(options.account, unfinished);
    if (!hasErrorCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw error;
    throw new StartError(`${cluster} is there already, but is not a Postgres cluster`, { cause: error });
  }
  return cluster;
}

/** Writes the settings Postgres reads at its next start. Throws on a name no setting can have. */
export async function writeSettings(
  cluster: string,
  settings: Readonly<Record<string, string>>,
  account: RunAccount,
): Promise<void> {
  const text = `# Written at every start.\n${formatSettings(settings)}`;
  await replaceFile(account, join(cluster, settingsFile), text);
}

async function isUsableCluster(cluster: string, account: RunAccount): Promise<boolean> {
  await refuseLink(cluster);
  const version = await readText(join(cluster, 'PG_VERSION'));
  if (version === undefined) return false;
  if (version.trim() !== majorVersion) {
    throw new StartError(`${cluster} was made by Postgres ${version.trim()}; this is Postgres ${majorVersion}`);
  }
  const { uid } = await lstat(cluster);
  const expected = account.uid ?? process.getuid?.();
  if (uid === expected) return true;
  throw new StartError(
    `${cluster} belongs to user id ${uid}, but Postgres would run as ${account.name} (${expected}). ` +
      `Start the server as the user who created it, or run: chown -R ${expected} ${cluster}`,
  );
}

/** The link that `prepareDataFolder` may make stands in another folder, and is followed there. */
async function refuseLink(cluster: string): Promise<void> {
  const found = await lstat(cluster).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (found?.isSymbolicLink() === true) throw new StartError(`${cluster} is a link, which is not followed; remove it`);
}

async function removeUnfinished({ dataFolder, account }: { dataFolder: string; account: RunAccount }): Promise<void> {
  for (const name of await readdir(dataFolder)) {
    if (name.startsWith(unfinishedPrefix)) await removeFolder(account, join(dataFolder, name));
  }
}

async function initialise(
  folder: string,
  options: { initdb: string; account: RunAccount; sync: boolean },
): Promise<void> {
  const args = [
    `--pgdata=${folder}`,
    '--username=postgres',
    '--auth-local=trust',
    '--auth-host=reject',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(options.sync ? [] : ['--no-sync']),
  ];
  const { exitCode, output } = await runProgram(options.initdb, args, options.account);
  if (exitCode !== 0) throw new StartError(`Postgres's initdb failed in ${folder}: ${output}`);
  await appendToFile(options.account, join(folder, 'postgresql.conf'), `\ninclude '${settingsFile}'\n`);
}

async function flush(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
