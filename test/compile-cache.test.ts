import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CompileCache } from '../src/compile-cache.ts';
import { CLI } from './cli/run-cli.ts';
import { ndjsonGzip, patients } from './support/ndjson.ts';
import { startS3Endpoint } from './support/s3-endpoint.ts';
import { ServerProcess } from './support/server-process.ts';
import { createTestDatabase } from './support/test-database.ts';

const MODULE = fileURLToPath(new URL('../src/compile-cache.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;

/** A new folder of this user's. */
async function newFolder(t: TestContext): Promise<string> {
  // Not below TMPDIR, which may be a folder that others can write to.
  const folder = await mkdtemp('/tmp/compile-cache-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What a new process makes of these settings. */
async function cacheOf(env: Readonly<Record<string, string>>): Promise<CompileCache> {
  const program = `import { useCompileCache } from ${JSON.stringify(MODULE)};
    console.log(JSON.stringify(useCompileCache(process.env)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env });
  return JSON.parse(stdout) as CompileCache;
}

async function why(folder: string): Promise<string | undefined> {
  const cache = await cacheOf({ LOADER_COMPILE_CACHE: folder });
  return 'unused' in cache ? cache.unused : undefined;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('the folder of compiled code', () => {
  test('is created for this user alone, with the folders above it, whatever the umask is', async (t) => {
    const folder = join(await newFolder(t), 'above', 'cache');
    const umask = process.umask(0);
    t.after(() => process.umask(umask));
    assert.equal(await why(folder), undefined);
    assert.equal(await why(folder), undefined, 'a second time');
  });

  test('is not used where the system cannot make it, or something else is there', async (t) => {
    assert.match((await why('/proc/x/y')) ?? '', /^ENOENT: .*mkdir '\/proc\/x'/);
    assert.match((await why('/dev/zero')) ?? '', /\/dev\/zero is not a folder/);
    const fifo = join(await newFolder(t), 'fifo');
    await promisify(execFile)('mkfifo', [fifo]);
    assert.match((await why(fifo)) ?? '', /fifo is not a folder/);
  });

  test('is not used where others can read or write it, or put another in its place', async (t) => {
    const base = await newFolder(t);
    const open = join(base, 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    assert.match((await why(open)) ?? '', /open is open to other users \(chmod 700 closes it\)/);
    assert.match((await why(join(open, 'below'))) ?? '', /other users can write to .*open/);
    assert.deepEqual(await readdir(open), []);
    const link = join(base, 'link');
    await symlink(open, link);
    assert.match((await why(link)) ?? '', /open is open to other users/);
    assert.match((await why(join(link, 'below'))) ?? '', /other users can write to .*open/);
  });

  test('is not used where it, or a folder above it, is somebody else’s', {
    skip: !isRoot && 'needs root',
  }, async (t) => {
    const base = await newFolder(t);
    const others = join(base, 'others');
    await mkdir(others, { mode: 0o700 });
    await chown(others, 65_534, 65_534);
    assert.match((await why(others)) ?? '', /others belongs to another user/);
    assert.match((await why(join(others, 'below'))) ?? '', /others belongs to another user/);
    assert.deepEqual(await readdir(others), []);
  });

  test('is done without where it cannot be created, or is switched off', async (t) => {
    const file = join(await newFolder(t), 'file');
    await writeFile(file, '');
    assert.match((await why(join(file, 'below'))) ?? '', /ENOTDIR/);
    assert.match((await why(file)) ?? '', /EEXIST|is not a folder/);
    assert.match((await why('relative')) ?? '', /not an absolute path/);
    assert.match((await why('off')) ?? '', /is off/);
    const disabled = await cacheOf({ LOADER_COMPILE_CACHE: `${file}-cache`, NODE_DISABLE_COMPILE_CACHE: '1' });
    assert.match('unused' in disabled ? disabled.unused : '', /NODE_DISABLE_COMPILE_CACHE/);
  });

  test('is in the user’s cache by default, and root’s in that of the system', async (t) => {
    const caches = await newFolder(t);
    const folder = join(isRoot ? '/var/cache' : caches, 'fhir-bucket-loader', 'compiled');
    assert.deepEqual(await cacheOf({ XDG_CACHE_HOME: caches }), { folder });
  });

  test('is Node’s where NODE_COMPILE_CACHE is set', async (t) => {
    const folder = await newFolder(t);
    const cache = await cacheOf({ NODE_COMPILE_CACHE: folder, LOADER_COMPILE_CACHE: `${folder}/own` });
    assert.ok(
      'folder' in cache && cache.folder.startsWith(folder) && !cache.folder.includes('own'),
      JSON.stringify(cache),
    );
  });
});

test('a second start of the server has the code of both threads from the first', {
  // It changes V8's flags as it starts a thread, and refuses what was kept under others (`KEEPS_SINCE_NODE`).
  skip:
    Number.parseInt(process.versions.node, 10) < 24 &&
    'Node 22 keeps code for other flags than those of the next start',
}, async (t) => {
  const folder = join(await newFolder(t), 'cache');
  const [{ url }, s3] = await Promise.all([createTestDatabase(t), startS3Endpoint(t)]);
  const run = async (env: Readonly<Record<string, string>>) => {
    const server = await ServerProcess.start(t, { databaseUrl: url, env: { LOADER_COMPILE_CACHE: folder, ...env } });
    const bucket = await s3.createBucket();
    await s3.putObject(bucket, 'Patient.ndjson.gz', ndjsonGzip(patients(3, bucket)));
    await server.rpc('load-from-bucket', { bucket: `s3://${bucket}`, account: s3.account });
    assert.deepEqual((await server.ended(bucket, 60_000)).progress, { total: 1, done: 1 });
    assert.deepEqual(await server.terminate(), { code: 0, signal: null });
    return server.output;
  };
  await run({});
  const output = await run({ NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
  const accepted = (path: string) =>
    output.includes(`V8 code cache for ESM file://${fileURLToPath(new URL(path, import.meta.url))} was accepted`);
  assert.ok(accepted('../src/start-server.ts'), 'of the main thread');
  assert.ok(accepted('../src/worker/file-worker.ts'), 'of a worker thread');
});

test('a damaged cache does no harm', async (t) => {
  const folder = join(await newFolder(t), 'cache');
  const help = async () =>
    (await promisify(execFile)(CLI, ['--help'], { env: { PATH: process.env['PATH'], LOADER_COMPILE_CACHE: folder } }))
      .stdout;
  const right = await help();
  const files = await filesIn(folder);
  assert.ok(files.length > 50);
  for (const [n, path] of files.entries()) {
    const bytes = await readFile(path);
    const at = Math.floor(bytes.length / 2);
    if (n % 3 === 0) await writeFile(path, bytes.subarray(0, at));
    else await writeFile(path, bytes.fill(n % 3 === 1 ? 0xff : 0x20, n % 3 === 1 ? at : 20));
  }
  assert.equal(await help(), right);
});
