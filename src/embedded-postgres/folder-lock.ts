import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { StartError } from '../errors/start-error.ts';
import { loadSqlite } from './load-sqlite.ts';
import { unusableFolder } from './unusable-folder.ts';

export type FolderLock = { release(): void };

const sqliteBusy = 5;

/**
 * Makes this process the only one that uses a data folder, until `release()` or its end, however it ends.
 *
 * The lock is an operating system lock on file `owner.lock`, which Node offers only by way of SQLite (the file stays
 * empty). Unlike a file with a process id it cannot go stale, and it also works between containers sharing a folder.
 * Throws an error naming the other process when the folder is in use.
 */
export function lockFolder(folder: string): FolderLock {
  const owner = join(folder, 'owner.pid');
  if (lstatSync(join(folder, 'owner.lock'), { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    throw new StartError(`${join(folder, 'owner.lock')} is a link, which is not followed; remove it`);
  }
  const file = openLock(folder);
  try {
    file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy)) throw error;
    throw new StartError(
      `Data folder ${folder} is in use by another server (process ${readOwner(owner)}). ` +
        'Stop that one first, choose another data folder, or set DATABASE_URL for both.',
      { cause: error },
    );
  }
  rmSync(owner, { force: true });
  writeFileSync(owner, `${process.pid}\n`, { flag: 'wx' });
  return {
    release() {
      rmSync(owner, { force: true });
      file.close();
    },
  };
}

/** @throws StartError where the folder takes no file */
function openLock(folder: string): DatabaseSync {
  const path = join(folder, 'owner.lock');
  const sqlite = loadSqlite();
  try {
    return new sqlite.DatabaseSync(path);
  } catch (error) {
    throw unusableFolder(`Data folder ${folder} takes no file ${basename(path)}`, error);
  }
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
