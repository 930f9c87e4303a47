import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../errors/start-error.ts';
import { socketPort } from './cluster-settings.ts';
import { hasErrorCode } from './error-code.ts';
import { folderId } from './folder-id.ts';
import type { RunAccount } from './run-program.ts';
import { giveFolder, removeFolder } from './safe-files.ts';

/** macOS allows 103 bytes, Linux 107. */
const longestSocketPath = 103;

/**
 * Creates an empty folder (mode 0700, of the user Postgres runs as) for the Unix socket: `socket` in the data folder,
 * or, when that path is too long or has special characters, a folder of the system's temporary folder named after a
 * hash of the data folder's path. What an ended Postgres left there is removed, so call it only when none runs.
 * Throws when another user occupies that name.
 */
export async function createSocketFolder(dataFolder: string, account: RunAccount): Promise<string> {
  const folder = chooseSocketFolder(dataFolder);
  try {
    await removeFolder(account, folder);
    await mkdir(folder, { mode: 0o700 });
  } catch (cause) {
    if (!hasErrorCode(cause, 'EEXIST', 'EPERM', 'EACCES', 'ENOTEMPTY')) throw cause;
    throw new StartError(`Cannot create folder ${folder} for Postgres's socket; remove it or set TMPDIR`, { cause });
  }
  await giveFolder(account, folder);
  return folder;
}

function chooseSocketFolder(dataFolder: string): string {
  const name = `fhir-bucket-loader-${folderId(dataFolder)}`;
  // Last one: a temporary folder of root's own may be closed to the user Postgres runs as.
  const temporary = process.getuid?.() === 0 ? '/tmp' : tmpdir();
  const candidates = [join(dataFolder, 'socket'), join(temporary, name)];
  return candidates.find(isUsable) ?? join('/tmp', name);
}

function isUsable(folder: string): boolean {
  const socket = join(folder, `.s.PGSQL.${socketPort}`);
  return Buffer.byteLength(socket) <= longestSocketPath && /^[\w./+@-]+$/.test(folder);
}
