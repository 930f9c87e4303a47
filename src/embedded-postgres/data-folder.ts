import { chmod, lchown, lstat, readdir, readlink, realpath, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { StartError } from '../errors/start-error.ts';
import { makeFolder } from '../make-folder.ts';
import { hasErrorCode } from './error-code.ts';
import { folderId } from './folder-id.ts';
import { type RunAccount, runProgram } from './run-program.ts';

/** Name of the cluster (what Postgres calls its data directory) in a data folder. */
export const clusterName = 'cluster';

/** For root alone, but for those who know the name of what is in it. */
const PASSABLE = 0o711;

const fallbackRoot = '/var/lib/fhir-bucket-loader';

/**
 * Creates the requested data folder when it is missing and returns the real path of the folder to use, which Postgres,
 * running as `account`, can reach.
 *
 * That is the requested folder, except for a server started by root with a data folder below one that is closed to
 * other users (such as a clone in /root): then it is /var/lib/fhir-bucket-loader/<name>-<hash of the requested path>,
 * and the link `cluster` in the requested folder leads there. Deleting the link deletes no data.
 * Throws when neither can be reached, or the path has characters that pg_ctl cannot pass on.
 */
export async function prepareDataFolder(requested: string, account: RunAccount): Promise<string> {
  makeFolder(resolve(requested));
  const folder = await realpath(requested);
  // pg_ctl and initdb put paths between double quotes into shell commands.
  if (/["$`\\\n]/.test(folder))
    throw new StartError(`The path of data folder ${folder} has a character Postgres cannot use`);
  const linked = await followClusterLink(folder);
  if (linked !== undefined) return linked;
  if (account.uid === undefined || (await makeReachable(folder, account))) return folder;
  return await useFallback(folder, account);
}

async function followClusterLink(folder: string): Promise<string | undefined> {
  const link = join(folder, clusterName);
  const target = await readlink(link).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENOENT', 'EINVAL')) return undefined;
    throw error;
  });
  if (target === undefined) return undefined;
  const parent = await realpath(dirname(target)).catch(() => undefined);
  if (parent !== undefined) return parent;
  // The folder it led to has been deleted.
  await rm(link);
  return undefined;
}

async function makeReachable(folder: string, account: RunAccount): Promise<boolean> {
  await takeBack(folder, account);
  if (await canReach(folder, account)) return true;
  const { uid } = await lstat(folder);
  const isOurNewFolder = uid === process.getuid?.() && (await readdir(folder)).length === 0;
  if (!isOurNewFolder || !(await canReach(dirname(folder), account))) return false;
  await chmod(folder, PASSABLE);
  return await canReach(folder, account);
}

/**
 * The folder itself stays root's: who owns it could put links in the place of what root writes there. Earlier versions gave
 * it to the account.
 */
async function takeBack(folder: string, { uid: accountUid }: RunAccount): Promise<void> {
  const { uid } = await lstat(folder);
  if (uid !== accountUid) return;
  await lchown(folder, 0, 0);
  await chmod(folder, PASSABLE);
}

async function canReach(folder: string, account: RunAccount): Promise<boolean> {
  const { exitCode } = await runProgram('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], account);
  return exitCode === 0;
}

async function useFallback(folder: string, account: RunAccount): Promise<string> {
  const fallback = join(fallbackRoot, `${basename(folder)}-${folderId(folder)}`);
  makeFolder(fallback);
  if (!(await makeReachable(fallback, account))) {
    throw new StartError(
      `Postgres runs as ${account.name} and can reach neither data folder ${folder} nor ${fallback}. ` +
        `Choose a data folder that ${account.name} can reach, or run chmod o+x on the folders above it.`,
    );
  }
  const link = join(folder, clusterName);
  await symlink(join(fallback, clusterName), link).catch((error: unknown) => {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
  });
  return fallback;
}
