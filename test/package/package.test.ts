import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifestSchema = z.object({
  version: z.string(),
  engines: z.object({ node: z.string() }),
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
});
const manifest = manifestSchema.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
const packed = z.array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }));

interface Ended {
  code: number;
  output: string;
}

/** Runs a program as a user would: with this Node first in the path, and nothing of npm's own or of a database's. */
async function run(program: string, args: readonly string[], cwd: string, env = {}): Promise<Ended> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_|PG|BOX_|LOADER_|DATABASE_URL$)/i.test(name),
  );
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  return await new Promise((resolve) => {
    execFile(program, args, { cwd, env: { ...Object.fromEntries(own), PATH: path, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` }),
    );
  });
}

/** The folder in which the tarball is installed, and the tarball with the list of its files. */
class Packed {
  readonly folder: string;
  readonly tarball: string;
  readonly files: readonly string[];

  constructor(folder: string, tarball: string, files: readonly string[]) {
    this.folder = folder;
    this.tarball = tarball;
    this.files = files;
  }

  static async create(): Promise<Packed> {
    const folder = await mkdtemp(join(tmpdir(), 'package-'));
    const { code, output } = await run('npm', ['pack', '--json', '--pack-destination', folder], root);
    assert.equal(code, 0, output);
    const [first] = packed.parse(JSON.parse(output.slice(output.indexOf('['), output.lastIndexOf(']') + 1)));
    assert.ok(first !== undefined, output);
    return new Packed(
      folder,
      join(folder, first.filename),
      first.files.map(({ path }) => path),
    );
  }
}

let pack: Packed;
before(async () => {
  pack = await Packed.create();
});
after(() => rm(pack.folder, { recursive: true, force: true }));

test('the package holds what runs, and no sources, tests or Node', () => {
  assert.deepEqual([...new Set(pack.files.map((path) => path.split('/')[0]))].sort(), [
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'package.json',
  ]);
  assert.deepEqual(
    pack.files.filter((path) => /\.ts$|tsconfig|\.test\./.test(path)),
    [],
  );
  for (const path of ['dist/src/worker/worker.js', 'dist/src/server.js', 'dist/demo/run-demo.js', 'dist/package.json'])
    assert.ok(pack.files.includes(path), path);
});

test('what the compiled files import is a dependency of the package', async () => {
  const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)]);
  const missing = new Set<string>();
  for (const path of pack.files.filter((each) => /^dist\/.*\.js$/.test(each) && !each.includes('/assets/'))) {
    const text = await readFile(join(root, path), 'utf8');
    for (const [, name = ''] of text.matchAll(/^(?:import|export)\b[^;]*?from '([^'.][^']*)';$/gm)) {
      const [scope = '', rest] = name.split('/');
      const dependency = scope.startsWith('@') ? `${scope}/${rest}` : scope;
      if (!isBuiltin(name) && !declared.has(dependency)) missing.add(`${name} in ${path}`);
    }
  }
  assert.deepEqual([...missing], []);
});

/** The command on a Node that says it is of this version. */
async function onNode(version: string): Promise<Ended> {
  const bin = join(root, 'bin', 'fhir-bucket-loader.cjs');
  const asIt = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); require(${JSON.stringify(bin)})`;
  return await run(process.execPath, ['--eval', asIt], root);
}

test('on an older Node the command says which it needs, in one sentence', async () => {
  const { code, output } = await onNode('20.20.2');
  assert.equal(code, 1);
  const needed = manifest.engines.node.replace('>=', '');
  assert.match(
    output,
    new RegExp(`^fhir-bucket-loader needs Node ${needed} or later; this is Node 20\\.20\\.2\\. .*\n$`),
  );
  // Younger, and yet without zstd.
  assert.match(
    (await onNode('23.6.0')).output,
    /^fhir-bucket-loader needs Node 23\.8 or later; this is Node 23\.6\.0\. /,
  );
});

test('on a Node without WebAssembly the server and the command say so, instead of failing each file', async () => {
  const bin = join(root, 'bin', 'fhir-bucket-loader.cjs');
  for (const program of [
    [join(root, 'dist', 'src', 'server.js')],
    [bin, 'serve'],
    [bin, 'convert', 'Patient.ndjson'],
  ]) {
    const { code, output } = await run(process.execPath, ['--jitless', ...program], root);
    assert.equal(code, 1);
    assert.match(output, /^.* needs WebAssembly.* Start it without --jitless, in NODE_OPTIONS too\.\n$/);
  }
});

/** Installs the tarball in an empty folder. Undefined, and the test skipped, where no package registry is reached. */
async function install(t: TestContext, ...options: string[]): Promise<string | undefined> {
  const folder = await mkdtemp(join(pack.folder, 'empty-'));
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', ...options, pack.tarball];
  const { code, output } = await run('npm', args, folder);
  if (/code (ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENOTCACHED)/.test(output)) {
    t.skip('the npm registry cannot be reached');
    return undefined;
  }
  assert.equal(code, 0, output);
  return folder;
}

test('installed in an empty folder, the command runs the demo on its own Postgres', { timeout: 600_000 }, async (t) => {
  const folder = await install(t);
  if (folder === undefined) return;
  const command = join(folder, 'node_modules', '.bin', 'fhir-bucket-loader');
  assert.deepEqual(await run(command, ['--version'], folder), { code: 0, output: `${manifest.version}\n` });
  const installed = await readdir(join(folder, 'node_modules'));
  assert.deepEqual(
    installed.filter((name) => /^node-|typescript|biome/.test(name)),
    [],
  );
  const { code, output } = await run(command, ['demo', '--resources', '2000'], folder);
  assert.equal(code, 0, output);
  assert.match(output, /^all +2,000 +2,000$/m);
});

test('without its optional packages, the command says how to get what is missing', { timeout: 600_000 }, async (t) => {
  const folder = await install(t, '--omit=optional');
  if (folder === undefined) return;
  const command = join(folder, 'node_modules', '.bin', 'fhir-bucket-loader');
  const demo = await run(command, ['demo'], folder);
  assert.deepEqual([demo.code, demo.output.includes(' at ')], [1, false], demo.output);
  assert.match(demo.output, /^\s*The demo needs the optional npm package fauxqs\b.*npm install/m);
  const serve = await run(command, ['serve'], folder);
  assert.equal(serve.code, 1);
  assert.match(serve.output, /No Postgres to start: .*npm install --include=optional.*DATABASE_URL/);
});
