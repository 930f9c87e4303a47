import { constants } from 'node:fs';
import { type FileHandle, lchown, open, rm } from 'node:fs/promises';
import { StartError } from '../errors/start-error.ts';
import { hasErrorCode } from './error-code.ts';
import { type RunAccount, runProgram } from './run-program.ts';

// What a server of root's writes and reads in folders of the account that Postgres runs as: that account may put a link to
// any file of the system in their place, or do so while they are looked at. So no last step of a path is followed.

const SELF: RunAccount = { name: 'the current user', uid: undefined, gid: undefined };

/** Puts a new file (mode 0600, of the account) in the place of whatever is there; a link is replaced, not followed. */
export async function replaceFile(account: RunAccount, path: string, text: string): Promise<void> {
  await rm(path, { force: true });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600);
  try {
    await file.writeFile(text);
    await giveFile(account, file);
  } finally {
    await file.close();
  }
}

/**
 * Appends to a file of the account, durably; creates it where it is absent (mode 0600).
 * @throws when a link, a folder or the like is in its place
 */
export async function appendToFile(account: RunAccount, path: string, text: string): Promise<void> {
  const flags =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await openPlain(path, flags);
  try {
    await file.appendFile(text);
    await giveFile(account, file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Opens a file to read it, or gives undefined where there is none.
 * @throws when a link, a folder or the like is in its place
 */
export async function openToRead(path: string): Promise<FileHandle | undefined> {
  try {
    return await openPlain(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The text of a file as `openToRead` opens it. */
export async function readText(path: string): Promise<string | undefined> {
  const file = await openToRead(path);
  try {
    return await file?.readFile('utf8');
  } finally {
    await file?.close();
  }
}

/** Gives a folder that was just made, not what is in it, to the account; a link that has taken its place is not followed. */
export async function giveFolder({ uid, gid }: RunAccount, path: string): Promise<void> {
  if (uid !== undefined && gid !== undefined) await lchown(path, uid, gid);
}

/** Removes a folder and what is in it. Node's own `rm` may be led out of a folder whose owner changes it meanwhile. */
export async function removeFolder({ uid }: RunAccount, path: string): Promise<void> {
  if (uid === undefined) return await rm(path, { recursive: true, force: true });
  const { exitCode, output } = await runProgram('rm', ['-rf', '--', path], SELF);
  if (exitCode !== 0) throw new StartError(`Cannot remove ${path}: ${output}`);
}

async function giveFile({ uid, gid }: RunAccount, file: FileHandle): Promise<void> {
  if (uid !== undefined && gid !== undefined) await file.chown(uid, gid);
}

async function openPlain(path: string, flags: number): Promise<FileHandle> {
  const file = await open(path, flags, 0o600).catch((cause: unknown) => {
    if (hasErrorCode(cause, 'ELOOP'))
      throw new StartError(`${path} is a link, which is not followed; remove it`, { cause });
    throw cause;
  });
  const { nlink } = await file.stat();
  if ((await file.stat()).isFile() && nlink <= 1) return file;
  await file.close();
  throw new StartError(`${path} is not a file of its own (a hard link, a folder or a pipe); remove it`);
}
