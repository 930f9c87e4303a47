import { StartError } from '../errors/start-error.ts';
import { type RunAccount, runProgram } from './run-program.ts';

const systemUser = 'postgres';
const self: RunAccount = { name: 'the current user', uid: undefined, gid: undefined };

/**
 * Finds the operating system user Postgres runs as: the user of this process, or, because Postgres refuses to run as
 * root, the system user `postgres`, which is created (with its group) when a root process finds none.
 * Throws when that user can be neither found nor created.
 */
export async function findRunAccount(): Promise<RunAccount> {
  if (process.getuid?.() !== 0) return self;
  const existing = await lookUpSystemUser();
  if (existing !== undefined) return existing;
  const failure = await createSystemUser();
  const created = await lookUpSystemUser();
  if (created !== undefined) return created;
  throw new StartError(
    `Postgres refuses to run as root, and user "${systemUser}" could not be created (${failure}). ` +
      `Create a system user "${systemUser}", start the server as an ordinary user, or set DATABASE_URL.`,
  );
}

async function lookUpSystemUser(): Promise<RunAccount | undefined> {
  const [uid, gid] = await Promise.all([
    runProgram('id', ['-u', systemUser], self),
    runProgram('id', ['-g', systemUser], self),
  ]);
  if (uid.exitCode !== 0 || gid.exitCode !== 0) return undefined;
  return { name: `user "${systemUser}"`, uid: Number(uid.output), gid: Number(gid.output) };
}

/** Returns what the programs said; whether it worked shows by looking the user up (another server may create it too). */
async function createSystemUser(): Promise<string> {
  const group = await runProgram('groupadd', ['--system', '--force', systemUser], self);
  const user = await runProgram(
    'useradd',
    ['--system', '--gid', systemUser, '--no-create-home', '--home-dir', '/', '--shell', '/bin/false', systemUser],
    self,
  );
  return [group.output, user.output].filter((text) => text !== '').join('; ');
}
