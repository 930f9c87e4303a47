import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// Compiles what the npm package runs into dist/, which mirrors the tree: Node strips no types under node_modules.
// Files that the sources find by a path relative to their own lie at the same place there.
const dist = join(ROOT, 'dist');
await rm(dist, { recursive: true, force: true });
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
await promisify(execFile)(process.execPath, [tsc, '--project', join(ROOT, 'tsconfig.build.json')]).catch(
  (error: Error & { stdout?: string }) => {
    throw new Error(`The sources do not compile:\n${error.stdout ?? error.message}`);
  },
);
for (const path of ['package.json', 'migrations']) await cp(join(ROOT, path), join(dist, path), { recursive: true });
await cp(join(ROOT, 'src'), join(dist, 'src'), {
  recursive: true,
  filter: (path) => extname(path) !== '.ts' && basename(path) !== 'tsconfig.json',
});
