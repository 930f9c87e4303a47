import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, type Entry } from './bundle/bundle.ts';
import { thirdPartyNotices } from './bundle/third-party-notices.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What is started or imported by its path in dist/, which mirrors the tree: what `exports` says of it goes there, or to `path`. */
const ENTRIES: readonly (Entry & { path?: string; exports?: string })[] = [
  { source: 'src/server.ts', name: 'server' },
  { source: 'src/cli/main.ts', name: 'command' },
  {
    source: 'tools/bundle/kept/worker.ts',
    path: 'src/worker/worker.js',
    name: 'worker',
    exports: "export * from 'FILE';\n",
  },
  { source: 'demo/run-demo.ts', name: 'demo' },
];

/** What the server's two threads run. */
const KEPT: readonly Entry[] = [
  { source: 'src/run-server.ts', name: 'run-server' },
  { source: 'src/worker/worker.ts', name: 'worker' },
];

// What the npm package and the image run, in dist/: the code in dist/lib, and beside it, where the sources find it by a path
// relative to their own, what they read. Types are not looked at: `npm run check` does. Into another folder if one is given.
const dist = process.argv[2] ?? join(ROOT, 'dist');
await rm(dist, { recursive: true, force: true });
const { inputs } = await bundle({ root: ROOT, folder: join(dist, 'lib'), entries: ENTRIES, kept: KEPT });
await writeFile(join(dist, 'THIRD-PARTY-NOTICES.txt'), await thirdPartyNotices(ROOT, inputs));
for (const { source, path: place = source.replace(/\.ts$/, '.js'), name, exports = "import 'FILE';\n" } of ENTRIES) {
  const path = join(dist, place);
  const code = relative(dirname(path), join(dist, 'lib', `${name}.js`)).replaceAll('\\', '/');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, exports.replaceAll('FILE', code));
}
for (const path of ['package.json', 'migrations']) await cp(join(ROOT, path), join(dist, path), { recursive: true });
await cp(join(ROOT, 'src'), join(dist, 'src'), {
  recursive: true,
  filter: (path) => !['.ts', '.md'].includes(extname(path)) && basename(path) !== 'tsconfig.json',
});
