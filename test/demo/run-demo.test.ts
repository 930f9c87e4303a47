import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { listProcesses } from '../../src/embedded-postgres/process-list.ts';
import { testServerConnection, urlFromConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';

const entry = fileURLToPath(new URL('../../demo/run-demo.ts', import.meta.url));
/** For a machine that has many times its share of work: what takes 5 s by itself took 200 s beside a load of 44. */
const timeout = 600_000;

type Demo = { child: ChildProcess; output(): string; ended: Promise<number | null> };

/** Settings of the machine that runs the tests must not lead the demo elsewhere. */
function environment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(PG|BOX_|DATABASE_URL$|LOADER_)/.test(name));
  return { ...Object.fromEntries(own), ...extra };
}

function startDemo(t: TestContext, args: string[], env: NodeJS.ProcessEnv): Demo {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const add = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on('data', add);
  child.stderr.on('data', add);
  const ended = once(child, 'close').then(([code]) => code as number | null);
  // A test that fails must not leave its demo running.
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return { child, output: () => output, ended };
}

async function assertNothingLeft(folder: string, output: string): Promise<void> {
  assert.deepEqual(await readdir(folder), []);
  assert.deepEqual(
    (await listProcesses()).filter(({ command }) => command.includes(folder)),
    [],
  );
  for (const [url] of output.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)) await assert.rejects(fetch(url), TypeError);
}

test('loads every resource on an embedded Postgres and leaves nothing behind', { timeout }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'demo-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const demo = startDemo(t, ['--resources', '2000', '--seed', '7'], { TMPDIR: folder });

  assert.equal(await demo.ended, 0, demo.output());

  const output = demo.output();
  assert.match(output, /Generating FHIR data: 2,000 resources, 16 of 16 files/);
  assert.match(output, /^method: aidbox\.bulk\/load-from-bucket\nparams:\n {2}bucket: s3:\/\/fhir-demo\n/m);
  assert.match(output, /message: Upload from bucket <s3:\/\/fhir-demo> started\. 16 new files added\./);
  assert.match(output, /state: completed\n {2}progress:\n {4}total: 16\n {4}done: 16/);
  assert.match(output, /^Observation +(\d+) +\1$/m);
  assert.match(output, /^all +2,000 +2,000$/m);
  assert.match(output, /^Loaded in [\d.]+ s: [\d,]+ resources\/s, [\d.]+ MB\/s of ndjson/m);
  assert.doesNotMatch(output, /Warning/);
  await assertNothingLeft(folder, output);
});

test('uses a configured Postgres server, and there a database of its own', { timeout }, async (t) => {
  const demo = startDemo(t, ['--resources=300'], { DATABASE_URL: urlFromConnection(testServerConnection()) });

  assert.equal(await demo.ended, 0, demo.output());

  const [, database] = /on database (fhir_demo_\w+)/.exec(demo.output()) ?? [];
  assert.ok(database, demo.output());
  const client = new pg.Client(testServerConnection());
  await client.connect();
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
  await client.end();
  assert.equal(rowCount, 0);
});

test('an interrupt at any moment leaves nothing behind', { timeout: 2 * timeout }, async (t) => {
  const moments: [RegExp, string][] = [
    [/Generating/, '60000'],
    [/Starting Postgres/, '300'],
    [/method: /, '20000'],
  ];
  for (const [moment, resources] of moments) {
    const folder = await mkdtemp(join(tmpdir(), 'demo-test-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const demo = startDemo(t, ['--resources', resources], { TMPDIR: folder });
    await waitFor(() => moment.test(demo.output()), { timeoutMs: timeout, what: `${moment}` });
    demo.child.kill('SIGINT');

    assert.equal(await demo.ended, 130, demo.output());

    assert.match(demo.output(), /Interrupted by SIGINT/);
    await assertNothingLeft(folder, demo.output());
  }
});

test('with --keep everything stays until an interrupt', { timeout }, async (t) => {
  const demo = startDemo(t, ['--resources', '200', '--keep'], {
    DATABASE_URL: urlFromConnection(testServerConnection()),
  });
  const url = await waitFor(
    () => /Still running until Ctrl-C.*curl -u (\S+) http:\/\/(\S+)\)/.exec(demo.output()) ?? false,
    {
      timeoutMs: timeout,
      what: 'the end of the load',
    },
  );

  const [, credentials = '', address] = url;
  const headers = { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
  const response = await fetch(`http://${address}?_count=0`, { headers });
  demo.child.kill('SIGTERM');

  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { total: number }).total, 16);
  assert.equal(await demo.ended, 143, demo.output());
});

test('says what is wrong and exits non-zero', { timeout }, async (t) => {
  const wrong: [string[], NodeJS.ProcessEnv, RegExp][] = [
    [['--resources', 'many'], {}, /--resources must be a whole number from 16 up, not many/],
    [['--resources', '15'], {}, /from 16 up/],
    [['--frobnicate'], {}, /--frobnicate/],
    [[], { BOX_WEB_PORT: 'eighty' }, /BOX_WEB_PORT/],
    [['--resources', '16'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }, /ECONNREFUSED/],
  ];
  for (const [args, env, reason] of wrong) {
    const demo = startDemo(t, args, env);
    assert.equal(await demo.ended, 1, demo.output());
    assert.match(demo.output(), reason);
  }
});
