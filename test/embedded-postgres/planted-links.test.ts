import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, link, lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { findPostmaster } from '../../src/embedded-postgres/postmaster-process.ts';
import { runProgram } from '../../src/embedded-postgres/run-program.ts';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';

const isRoot = process.getuid?.() === 0;
const run = promisify(execFile);

/** What only root may read and write, and whose owner is to stay. */
const SECRET = 'root:$6$secret:19000:0:99999:7:::\n';

describe('links that the account of Postgres has put in its folder', { skip: !isRoot && 'root only' }, () => {
  let dataFolder = '';
  let victim = '';
  const cluster = () => join(dataFolder, 'cluster');

  before(async () => {
    dataFolder = await mkdtemp('/tmp/planted-links-');
    await chmod(dataFolder, 0o755);
    await (await startEmbeddedPostgres({ dataFolder })).stop();
    victim = join(await mkdtemp('/tmp/of-root-'), 'shadow');
  });
  after(async () => {
    await rm(dataFolder, { recursive: true, force: true });
    await rm(join(victim, '..'), { recursive: true, force: true });
  });

  /** Starts Postgres, which may be refused, and gives what was said; the victim stays as it is. */
  const startBeside = async (): Promise<string> => {
    await writeFile(victim, SECRET, { mode: 0o600 });
    const said = await startEmbeddedPostgres({ dataFolder }).then(
      async (postgres) => {
        await postgres.stop();
        return 'started';
      },
      (error: unknown) => String(error),
    );
    const { uid, gid, mode } = await stat(victim);
    assert.deepEqual({ uid, gid, mode: mode & 0o777 }, { uid: 0, gid: 0, mode: 0o600 });
    assert.equal(await readFile(victim, 'utf8'), SECRET);
    assert.doesNotMatch(said, /secret/);
    return said;
  };

  for (const name of ['embedded.conf', 'postmaster.pid'])
    test(`${name} is written anew, not what the link leads to`, async () => {
      await rm(join(cluster(), name), { force: true });
      await symlink(victim, join(cluster(), name));
      const said = await startBeside();
      // A pid file is read first, which no link is.
      if (said !== 'started') assert.match(said, /postmaster\.pid is a link, which is not followed; remove it/);
      else assert.ok((await lstat(join(cluster(), name)).catch(() => undefined))?.isSymbolicLink() !== true);
      await rm(join(cluster(), name), { force: true });
    });

  test('the log is neither given away nor read', async () => {
    const log = join(dataFolder, 'postgres.log');
    await rm(log, { force: true });
    await symlink(victim, log);
    assert.match(await startBeside(), /postgres\.log is a link, which is not followed; remove it/);
    await rm(log);
    await writeFile(victim, SECRET, { mode: 0o600 });
    await link(victim, log);
    assert.match(await startBeside(), /postgres\.log is not a file of its own/);
    await rm(log);
  });

  test('the version is not read through a link', async () => {
    const version = join(cluster(), 'PG_VERSION');
    const before = await readFile(version);
    await rm(version);
    await symlink(victim, version);
    assert.match(await startBeside(), /PG_VERSION is a link/);
    await rm(version);
    await writeFile(version, before);
    await run('chown', ['postgres:postgres', version]);
  });

  test('the folder around the cluster becomes root’s, whatever its owner was before', async () => {
    await run('chown', ['postgres:postgres', dataFolder]);
    await chmod(dataFolder, 0o700);
    assert.equal(await startBeside(), 'started');
    const { uid, mode } = await stat(dataFolder);
    assert.equal(uid, 0);
    assert.equal(mode & 0o022, 0);
  });
});

describe('the programs of the embedded Postgres', () => {
  test('are given nothing of the server’s environment that they do not need', async (t) => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'planted-secret-1';
    process.env['SOME_TOKEN'] = 'planted-secret-2';
    process.env['BOX_ROOT_CLIENT_SECRET'] = 'planted-secret-3';
    t.after(() => {
      for (const name of ['AWS_SECRET_ACCESS_KEY', 'SOME_TOKEN', 'BOX_ROOT_CLIENT_SECRET']) delete process.env[name];
    });
    const { output } = await runProgram('env', [], { name: 'the current user', uid: undefined, gid: undefined });
    assert.match(output, /^PATH=/m);
    assert.deepEqual(
      output
        .split('\n')
        .map((line) => line.split('=')[0])
        .filter(
          (name) =>
            !['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'LC_ALL', 'TZ', 'PWD', 'SHLVL', '_'].includes(name ?? ''),
        ),
      [],
    );

    if (process.platform !== 'linux') return;
    const dataFolder = await mkdtemp('/tmp/clean-environment-');
    await chmod(dataFolder, 0o755);
    t.after(() => rm(dataFolder, { recursive: true, force: true }));
    const postgres = await startEmbeddedPostgres({ dataFolder });
    try {
      const pid = await findPostmaster(join(postgres.dataFolder, 'cluster'));
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      assert.match(environment, /PATH=/);
      assert.doesNotMatch(environment, /planted-secret/);
    } finally {
      await postgres.stop();
    }
  });
});
