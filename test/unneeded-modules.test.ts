import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What Node itself has loaded in a new process that has imported a module of the program, which is not run. */
async function loadedBy(path: string): Promise<string> {
  const module = fileURLToPath(new URL(`../src/${path}`, import.meta.url));
  const program = `await import(${JSON.stringify(module)}); console.log(process.moduleLoadList.join('\\n'));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  return stdout;
}

// Node's own `fetch`, which the program does not use: 13 MB of the server's main thread.
const UNDICI = /internal\/deps\/undici\/undici$/m;

for (const path of ['run-server.ts', 'cli/send-request.ts']) {
  test(`${path} loads no undici`, async () => {
    const loaded = await loadedBy(path);
    assert.match(loaded, / http$/m, 'Node tells what it loads');
    assert.doesNotMatch(loaded, UNDICI);
  });
}
