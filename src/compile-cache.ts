import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { constants, enableCompileCache, getCompileCacheDir } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { makeFolder } from './make-folder.ts';

// No other module of the program may be imported here: what is, is loaded before the cache is on.

/** What is written there runs as code: others may neither write it nor put another folder in its place. */
const OPEN_TO_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Where compiled code is kept, or why it is not. */
export type CompileCache = { folder: string } | { unused: string };

/**
 * Has Node keep the code of all modules that are imported from now on, without types and compiled, for the next start of the
 * program: in this thread and in the worker threads, which find the folder in `environment`. Measured: 1.6 to 1.0 CPU s until
 * the server has started. Node writes it when the process ends, and checks each piece against its source and for
 * damage. Without a folder that is this user's alone the program goes without. Never throws.
 */
export function useCompileCache(environment: NodeJS.ProcessEnv): CompileCache {
  const present = getCompileCacheDir();
  if (present !== undefined) return { folder: present };
  const setting = environment['LOADER_COMPILE_CACHE'];
  if (setting === 'off') return { unused: 'LOADER_COMPILE_CACHE is off' };
  try {
    const folder = takeFolder(setting ? setting : defaultFolder(environment));
    const { status, message } = enableCompileCache(folder);
    if (status === constants.compileCacheStatus.ENABLED) {
      environment['NODE_COMPILE_CACHE'] = folder;
      return { folder };
    }
    return { unused: message ?? `Node answers with status ${status}` };
  } catch (error) {
    return { unused: error instanceof Error ? error.message : String(error) };
  }
}

/** Beside the copy of the embedded Postgres's programs. */
function defaultFolder({ XDG_CACHE_HOME }: NodeJS.ProcessEnv): string {
  const root = process.getuid?.() === 0 ? '/var/cache' : XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(root, 'fhir-bucket-loader', 'compiled');
}

/**
 * Creates the folder where it is absent; its real path.
 * @throws when it is not this user's alone
 */
function takeFolder(path: string): string {
  const user = process.getuid?.();
  if (user === undefined) throw new Error('this system has no owners of files');
  if (!isAbsolute(path)) throw new Error(`${path} is not an absolute path`);
  let known = path;
  while (!existsSync(known)) known = dirname(known);
  checkWay(known === path ? dirname(realpathSync(path)) : realpathSync(known), user);
  if (known !== path) makeFolder(path, 0o700);
  const folder = realpathSync(path);
  checkWay(dirname(folder), user);
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw new Error(`${folder} is not a folder`);
  if (stats.uid !== user) throw new Error(`${folder} belongs to another user`);
  if ((stats.mode & OPEN_TO_OTHERS) !== 0) throw new Error(`${folder} is open to other users (chmod 700 closes it)`);
  return folder;
}

/** @throws when somebody else could put another folder in the place of one of the folders on the way */
function checkWay(folder: string, user: number): void {
  const { uid, mode } = lstatSync(folder);
  if (uid !== 0 && uid !== user) throw new Error(`${folder} belongs to another user`);
  if ((mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0) throw new Error(`other users can write to ${folder}`);
  if (dirname(folder) !== folder) checkWay(dirname(folder), user);
}
