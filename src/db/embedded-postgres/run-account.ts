import { type RunAccount, runProgram } from './run-program.ts';

const systemUser = 'postgres';

/**
 * Finds the operating system user Postgres runs as: the user of this process, or, because Postgres refuses to run as
 * root, the system user `postgres`, which is created (with its group) when a root process finds none.
 * Throws when that user can be neither found nor created.
 */
export async function findRunAccount(): Promise<RunAccount> {
  const self: RunAccount = { name: 'the current user', uid: undefined, gid: undefined };
  if (process.getuid?.() !== 0) return self;
  const existing = await lookUp(self);
  if (existing !== undefined) return existing;
  await createSystemUser(self);
  const created = await lookUp(self);
  if (created !== undefined) return created;
  throw new Error(`Postgres does not run as root, and user "${systemUser}" cannot be looked up with "id".`);
}

async function lookUp(self: RunAccount): Promise<RunAccount | undefined> {
  const uid = await runProgram('id', ['-u', systemUser], self);
  const gid = await runProgram('id', ['-g', systemUser], self);
  if (uid.exitCode !== 0 || gid.exitCode !== 0) return undefined;
  return { name: `user "${systemUser}"`, uid: Number(uid.output), gid: Number(gid.output) };
}

async function createSystemUser(self: RunAccount): Promise<void> {
  const group = await runProgram('groupadd', ['--system', '--force', systemUser], self);
  const user = await runProgram(
    'useradd',
    ['--system', '--gid', systemUser, '--no-create-home', '--home-dir', '/', '--shell', '/bin/false', systemUser],
    self,
  );
  const exists = (await lookUp(self)) !== undefined;
  if (user.exitCode === 0 || exists) return;
  throw new Error(
    `Postgres does not run as root, and user "${systemUser}" could not be created (${group.output} ${user.output}). ` +
      `Create a user named "${systemUser}", start the server as another user, or set DATABASE_URL.`,
  );
}
