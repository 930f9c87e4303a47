import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from './support/free-port.ts';
import { programEnvironment } from './support/program-environment.ts';
import { createTestDatabase } from './support/test-database.ts';
import { waitFor } from './support/wait-for.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const terminal = spawnSync('script', ['--version']).status === 0;

const runs = (pid: number) => existsSync(`/proc/${pid}`);

test('a server whose terminal is closed ends', {
  skip: terminal ? false : 'the program script (util-linux), which makes a terminal, is not installed',
}, async (t) => {
  const { url } = await createTestDatabase(t);
  const env = programEnvironment({ DATABASE_URL: url, BOX_WEB_PORT: '0', NO_COLOR: '1' });
  const command = `echo pid=$$; exec ${process.execPath} src/server.ts`;
  const script = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  script.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await waitFor(() => /Try it/.test(output), { what: 'the banner' });
  const pid = Number(/pid=(\d+)/.exec(output)?.[1]);
  t.after(() => {
    if (runs(pid)) process.kill(pid, 'SIGKILL');
  });
  assert.ok(runs(pid));

  // The terminal goes with the program that holds its other end.
  script.kill('SIGKILL');

  // It may send more than one: a line about each has nowhere to go.
  const hangUp = () => {
    try {
      process.kill(pid, 'SIGHUP');
    } catch {
      // It has ended.
    }
  };
  await waitFor(
    () => {
      hangUp();
      return !runs(pid);
    },
    { what: 'the end of the server' },
  );
});

test('a server whose log finds no room serves, and ends when told to', {
  skip: existsSync('/dev/full') ? false : 'there is no /dev/full',
}, async (t) => {
  const { url } = await createTestDatabase(t);
  const port = await freePort();
  const full = await open('/dev/full', 'w');
  t.after(() => full.close());
  const server = spawn(process.execPath, ['src/server.ts'], {
    cwd: root,
    env: programEnvironment({ DATABASE_URL: url, BOX_WEB_PORT: String(port) }),
    stdio: ['ignore', full.fd, 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => server.once('exit', resolve));
  t.after(() => server.kill('SIGKILL'));
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    );

  await waitFor(answers, { what: 'an answer' });
  assert.ok(await answers());
  assert.equal(server.exitCode, null);

  server.kill('SIGTERM');
  assert.equal(await ended, 0);
});
