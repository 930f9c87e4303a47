/**
 * Builds a WebAssembly module of tools, as base64 in a module of src, so that nothing has to be read from a file.
 *
 *   npm run plain-converter
 *   npm run plain-rows
 *   npm run row-hashes
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MODULES } from './modules.ts';
import { sourcesHash } from './sources-hash.ts';

/** Not a dependency: it brings 100 MB, and the modules seldom change. */
const COMPILER = 'assemblyscript@0.28.20';

const name = process.argv[2] ?? '';
const module = MODULES[name];
if (module === undefined) throw new Error(`there is no module ${name}, only ${Object.keys(MODULES).join(' and ')}`);
const source = fileURLToPath(new URL('module.as.ts', module.sources));

const folder = mkdtempSync(join(tmpdir(), `${name}-`));
try {
  const output = join(folder, 'index.wasm');
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', output];
  execFileSync('npx', ['--yes', '-p', COMPILER, 'asc', source, ...options], { stdio: 'inherit' });
  const lines =
    readFileSync(output)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  writeFileSync(
    module.target,
    [
      `// Written by \`npm run ${name}\` from tools/${name}. Do not edit.`,
      `// Sources: ${sourcesHash(module.sources)}`,
      '',
      '/** The module, in base64. */',
      `export const ${module.constant} =`,
      `${lines.map((line) => `  '${line}'`).join(' +\n')};`,
      '',
    ].join('\n'),
  );
} finally {
  rmSync(folder, { recursive: true });
}
