import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { readConfig } from '../../src/config.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const dockerfile = read('Dockerfile');

/** A stage's lines: its `FROM … AS name`, up to the next stage. */
function stage(name: string): string {
  const text = dockerfile.split(/^(?=FROM )/m).find((each) => new RegExp(`^FROM .* AS ${name}$`, 'm').test(each));
  assert.ok(text !== undefined, name);
  return text;
}

/** Files and folders of the checkout that a stage copies, as they are called in both. */
function copied(text: string): string[] {
  return [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
}

/** The files that run in a stage: named in CMD and ENTRYPOINT. */
function entries(text: string): string[] {
  return [...text.matchAll(/^(?:CMD|ENTRYPOINT) (\[.*\])$/gm)].flatMap(([, list = '']) =>
    (JSON.parse(list) as string[]).filter((each) => /\.[jt]s$/.test(each)),
  );
}

/** What a file needs beside itself: its imports, but for types, and paths that it makes from its own address. */
function needs(path: string): string[] {
  if (!path.endsWith('.ts')) return [];
  const source = read(path).replaceAll(/\$\{extname\(import\.meta\.url\)\}/g, '.ts');
  const named = [
    ...source.matchAll(/^(?:import|export)(?! type)\b[^;]*?['"](\.[^'"]+)['"];$/gm),
    ...source.matchAll(/\bimport\(['"](\.[^'"]+)['"]\)/g),
    ...source.matchAll(/new URL\(['"`](\.[^'"`]+)['"`], import\.meta\.url\)/g),
  ];
  return named.map(([, name = '']) => relative(root, join(root, dirname(path), name)));
}

/** The demo is for a checkout and for the npm package: the command line says so where it is not there. */
const DEMO = 'demo/run-demo.ts';

/** Everything that runs from these entries. */
function closure(paths: readonly string[]): Set<string> {
  const seen = new Set([DEMO]);
  const rest = [...paths];
  for (let path = rest.pop(); path !== undefined; path = rest.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    // Node itself says what a file lacks; what is asked here is whether the image has it.
    if (existsSync(join(root, path)) && statSync(join(root, path)).isFile()) rest.push(...needs(path));
  }
  return seen;
}

/** Files that these programs need and that a stage does not copy. */
function lacking(text: string, programs: readonly string[]): string[] {
  const files = closure(programs);
  assert.ok(files.size > 10);
  const inside = copied(text);
  return [...files].filter((path) => path !== DEMO && !inside.some((each) => `${path}/`.startsWith(`${each}/`)));
}

describe('Dockerfile', () => {
  test('the image seed holds every file that its program imports', () => {
    const text = stage('seed');
    const programs = entries(text);
    assert.deepEqual(programs, ['demo/seed-bucket.ts']);
    assert.deepEqual(lacking(text, programs), []);
  });

  test('the image loader holds the build, which is made of every file that its programs import', () => {
    const text = stage('loader');
    assert.deepEqual(entries(text), ['dist/src/server.js']);
    assert.match(text, /^COPY --from=build \/app\/dist \.\/dist$/m);
    // The command line runs the build where no sources are.
    assert.deepEqual(copied(text), ['package.json', 'LICENSE', 'bin']);
    const build = stage('build');
    assert.match(build, /^RUN npm run build$/m);
    assert.deepEqual(lacking(build, ['src/server.ts', 'src/cli/main.ts', 'demo/run-demo.ts']), []);
    // What the build is made by, and what it copies as it is.
    for (const path of ['migrations', 'package.json', 'LICENSE', 'tools'])
      assert.ok(copied(build).includes(path), path);
  });

  test('.dockerignore lets through everything that is copied', () => {
    const through = new Set([...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path]) => path));
    const paths = dockerfile.split(/^(?=FROM )/m).flatMap(copied);
    assert.ok(paths.length > 5);
    assert.deepEqual(
      paths.filter((path) => !through.has(path)),
      [],
    );
  });

  test('needs no front end from a registry', () => {
    assert.doesNotMatch(dockerfile, /^#\s*syntax\s*=/m);
  });
});

interface HealthCheck {
  interval?: string;
  timeout?: string;
  /** YAML's merge key, which js-yaml leaves as it is. */
  '<<'?: HealthCheck;
}
interface Compose {
  services: Record<
    string,
    { restart?: string; ports?: string[]; healthcheck?: HealthCheck; environment?: Record<string, string> }
  >;
}

describe('docker-compose.yml', () => {
  const { services } = load(read('docker-compose.yml')) as Compose;

  test('every container comes back after a crash, and the job that fills the bucket does not run for ever', () => {
    const policies = Object.fromEntries(Object.entries(services).map(([name, { restart }]) => [name, restart]));
    const up = 'unless-stopped';
    assert.deepEqual(policies, { postgres: up, s3: up, loader: up, seed: 'on-failure:5' });
  });

  test('ports are open on loopback only, and can be moved', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    assert.equal(ports.length, 2);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\$\{\w+_PORT:-\d+\}:\d+$/);
  });

  test('the server and Postgres get the same password, whatever characters it has', () => {
    const password = 'p@ss/w#rd?100%:x';
    const [server, postgres] = ['loader', 'postgres'].map((name) =>
      Object.fromEntries(
        Object.entries(services[name]?.environment ?? {}).map(([key, value]) => [
          key,
          value.replace(/\$\{POSTGRES_PASSWORD:-\w+\}/, password),
        ]),
      ),
    );
    const { database } = readConfig({ ...server });
    assert.deepEqual(
      [database?.host, database?.user, database?.password, database?.database],
      ['postgres', postgres?.['POSTGRES_USER'], postgres?.['POSTGRES_PASSWORD'], postgres?.['POSTGRES_DB']],
    );
    assert.equal(database?.password, password);
  });

  test('health checks have patience with a busy machine', () => {
    const checks = Object.entries(services).filter(([name]) => name !== 'seed');
    for (const [name, { healthcheck }] of checks) {
      const { interval, timeout } = { ...healthcheck?.['<<'], ...healthcheck };
      assert.deepEqual([interval, timeout], ['30s', '10s'], name);
    }
  });
});
