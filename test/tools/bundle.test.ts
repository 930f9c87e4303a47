import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { bundle } from '../../tools/bundle/bundle.ts';

const run = promisify(execFile);

test('classes have their names in the bundle, by which a log and an answer know errors, also where two modules have one of the same name', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'bundled-'));
  t.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'src'));
  const refused = 'export class Refused extends Error { static readonly last: Refused = new Refused(); }\n';
  const files = {
    'package.json': '{"type": "module"}',
    'src/first.ts': refused,
    'src/second.ts': refused,
    'src/main.ts': `import { Refused } from './first.ts'; import { Refused as Other } from './second.ts';
      console.log(JSON.stringify([new Refused(), new Other(), Refused.last].map((error) => error.constructor.name)));`,
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text);
  const main = { source: 'src/main.ts', name: 'main' };
  await bundle({ root, folder: join(root, 'lib'), entries: [main], kept: [main] });
  for (const file of ['main.js', 'main.cjs']) {
    const { stdout } = await run(process.execPath, [join(root, 'lib', file)]);
    assert.deepEqual(JSON.parse(stdout), ['Refused', 'Refused', 'Refused']);
  }
});
