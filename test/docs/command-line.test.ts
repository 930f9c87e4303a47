import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);

test('README and the guides call the command line as it is there after `npm ci`, by commands that exist', async () => {
  const commands = (await readdir(new URL('src/cli/commands/', root))).map((name) => name.replace('-command.ts', ''));
  const guides = (await readdir(new URL('docs/', root))).filter((name) => name.endsWith('.md'));
  const called: string[] = [];
  for (const path of ['README.md', ...guides.map((name) => `docs/${name}`)]) {
    const text = await readFile(new URL(path, root), 'utf8');
    for (const command of commands) assert.ok(!text.includes(`fhir-bucket-loader ${command}`), `${path}: ${command}`);
    called.push(...[...text.matchAll(/npm run cli -- ([a-z]+)/g)].map(([, command = '']) => command));
  }
  assert.ok(called.length > 0);
  assert.deepEqual(
    called.filter((command) => !commands.includes(command)),
    [],
  );
});
