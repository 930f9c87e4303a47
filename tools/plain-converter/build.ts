/**
 * Builds the WebAssembly of the plain converter, as base64 in a module, so that nothing has to be read from a file.
 *
 *   npm run plain-converter
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourcesHash } from './sources-hash.ts';

/** Not a dependency: it brings 100 MB, and the module seldom changes. */
const COMPILER = 'assemblyscript@0.28.20';
const SOURCE = fileURLToPath(new URL('./module.as.ts', import.meta.url));
const TARGET = new URL('../../src/pipeline/fhir-to-aidbox/plain-converter-wasm.ts', import.meta.url);

const folder = mkdtempSync(join(tmpdir(), 'plain-converter-'));
try {
  const output = join(folder, 'index.wasm');
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', output];
  execFileSync('npx', ['--yes', '-p', COMPILER, 'asc', SOURCE, ...options], { stdio: 'inherit' });
  const lines =
    readFileSync(output)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  writeFileSync(
    TARGET,
    [
      '// Written by `npm run plain-converter` from tools/plain-converter. Do not edit.',
      `// Sources: ${sourcesHash()}`,
      '',
      '/** The module, in base64. */',
      'export const PLAIN_CONVERTER_WASM =',
      `${lines.map((line) => `  '${line}'`).join(' +\n')};`,
      '',
    ].join('\n'),
  );
} finally {
  rmSync(folder, { recursive: true });
}
