import { spawn } from 'node:child_process';

/** The operating system user a program runs as; undefined ids mean "the user of this process". */
export type RunAccount = { name: string; uid: number | undefined; gid: number | undefined };

export type ProgramResult = { exitCode: number | undefined; output: string };

const outputLimit = 20_000;

/**
 * Runs a program to its end as the given user, in a session of its own (so that Ctrl-C on our terminal does not reach
 * it), in folder `/`, with nothing of the caller's environment but what a program needs, with /usr/sbin in PATH and English messages.
 * Returns the exit code (undefined when it could not be started or was ended by a signal) and the last 20,000
 * characters of stdout and stderr together; never throws on a failing program.
 */
export function runProgram(file: string, args: readonly string[], account: RunAccount): Promise<ProgramResult> {
  return new Promise((resolve) => {
    let output = '';
    const keep = (chunk: string): void => {
      output = (output + chunk).slice(-outputLimit);
    };
    const child = spawn(file, args, {
      cwd: '/',
      detached: true,
      env: environmentForPostgres(process.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(account.uid === undefined ? {} : { uid: account.uid }),
      ...(account.gid === undefined ? {} : { gid: account.gid }),
    });
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => resolve({ exitCode: undefined, output: `${output}${error.message}` }));
    child.once('close', (code, signal) => {
      if (signal !== null) keep(` (ended by ${signal})`);
      resolve({ exitCode: code ?? undefined, output: output.trim() });
    });
  });
}

/** What a program needs of the environment; all else stays here, secrets above all. */
const PASSED_ON = ['HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];

function environmentForPostgres(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]));
  // useradd is where PATH often does not look.
  const path = [environment['PATH'], '/usr/sbin', '/sbin'].filter((part) => part !== undefined).join(':');
  return { ...Object.fromEntries(passed), PATH: path, LC_ALL: 'C', TZ: 'UTC' };
}
