import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LoaderProcess } from '../../bench/process/loader-process.ts';
import { createTestDatabase } from '../support/test-database.ts';

test('a server starts under a profiler, which takes CPU time all the while, and leaves a profile', {
  timeout: 300_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'loader-profile-'));
  t.after(() => rm(folder, { recursive: true }));
  const { url: databaseUrl } = await createTestDatabase(t);
  const nodeArguments = ['--cpu-prof', '--cpu-prof-interval', '100', `--cpu-prof-dir=${folder}`];
  const server = await LoaderProcess.start({ databaseUrl, nodeArguments });
  await server.stop();
  assert.match((await readdir(folder)).join(' '), /\.cpuprofile/);
});
