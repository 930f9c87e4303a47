import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startBanner } from '../src/start-banner.ts';
import { programEnvironment } from './support/program-environment.ts';
import { createTestDatabase } from './support/test-database.ts';
import { waitFor } from './support/wait-for.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const database = { host: '/tmp/a b/socket', port: 5432, user: 'postgres', database: 'fhir', password: 'geheim' };

test('the banner has commands that a shell takes, and no secret', () => {
  const started = { version: '1.2.3', url: 'http://127.0.0.1:9999', database, embedded: true, clientId: 'root' };
  const text = startBanner(started).join('\n');
  assert.match(text, /psql -h '\/tmp\/a b\/socket' -p 5432 -U postgres -d fhir$/m);
  assert.match(text, /load s3:\/\/your-bucket --follow --url http:\/\/127\.0\.0\.1:9999$/m);
  assert.match(text, /curl -u root:\$BOX_ROOT_CLIENT_SECRET http/);
  assert.doesNotMatch(text, /geheim/);
});

const terminal = spawnSync('script', ['--version']).status === 0;
test('on a terminal the log is for people and says where things are; piped, it is JSON', {
  skip: terminal ? false : 'the program script (util-linux), which makes a terminal, is not installed',
}, async (t) => {
  const { url } = await createTestDatabase(t);
  const env = programEnvironment({ DATABASE_URL: url, BOX_WEB_PORT: '0', NO_COLOR: '1' });
  const start = async (command: string, args: readonly string[], ready: RegExp) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // The whole group: script does not hand SIGTERM on.
    t.after(async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await ended;
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    await waitFor(() => ready.test(output), { what: `${ready} in the output` });
    return output;
  };
  const node = `exec ${process.execPath} src/server.ts`;
  const shown = await start('script', ['--quiet', '--return', '--command', node, '/dev/null'], /Try it/);
  assert.match(shown, /^\[\d\d:\d\d:\d\d\] INFO: database ready /m);
  assert.match(shown, / Live page {2}http:\/\/127\.0\.0\.1:\d+\//);
  const piped = await start(process.execPath, ['src/server.ts'], /POST http/);
  assert.doesNotMatch(piped, /Live page/);
  for (const line of piped.trim().split('\n')) assert.doesNotThrow(() => JSON.parse(line), line);
});
