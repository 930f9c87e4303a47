import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { serverUrlVariable } from '../support/test-server-address.ts';

const summary = z.object({
  name: z.string(),
  rows: z.number().positive(),
  rawBytes: z.number().min(0.8e6).max(1.2e6),
  wallS: z.number().positive(),
  ratioToFloor: z.number().positive(),
  rowsPerS: z.number().positive(),
  rawMbPerS: z.number().positive(),
  cpuS: z.number().nonnegative().optional(),
  cpuSPerGb: z.number().nonnegative().optional(),
  peakRssMb: z.number().positive().optional(),
  runs: z.array(z.object({ round: z.literal(1), wallS: z.number().positive() })).length(1),
});
const report = z.object({
  at: z.iso.datetime(),
  machine: z.object({ cores: z.number().positive(), node: z.string() }),
  postgres: z.string(),
  megabytes: z.literal(1),
  results: z.array(summary),
});

const networkReport = report.extend({
  results: z.array(
    z.object({
      name: z.string(),
      runs: z.array(
        z.object({
          more: z.object({
            idle: z.number().min(0).max(1),
            firstRowS: z.number().positive(),
            firstFileS: z.number().positive(),
            requests: z.number(),
          }),
        }),
      ),
    }),
  ),
});

describe('bench', () => {
  test('a tiny run loads the same rows in every way and tells its figures', async (t) => {
    // Not under os.tmpdir(): Postgres, another user, reads files there, and TMPDIR may be a closed folder.
    const cache = await mkdtemp(join('/tmp', 'bench-test-'));
    await chmod(cache, 0o755);
    t.after(() => rm(cache, { recursive: true, force: true }));
    const names = ['floor', 'ours', 'ours-no-keys', 'json-insert', 'floor-one-type', 'ours-one-file'];
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['bench/bench.ts', '--size', '1', '--rounds', '1', '--json', '--only', names.join(',')],
      {
        encoding: 'utf8',
        env: { ...process.env, BENCH_CACHE_FOLDER: cache, BENCH_DATABASE_URL: process.env[serverUrlVariable] },
      },
    );
    assert.equal(status, 0, stderr);
    const { results } = report.parse(JSON.parse(stdout));
    assert.deepEqual(
      results.map(({ name }) => name),
      names,
    );
    for (const { name, cpuSPerGb, peakRssMb } of results) {
      const isFloor = name.startsWith('floor');
      assert.equal(cpuSPerGb === undefined, isFloor, name);
      assert.equal(peakRssMb === undefined, isFloor, name);
    }
  });

  test('a store that is far away: the same rows, and how busy Postgres was', async (t) => {
    const cache = await mkdtemp(join('/tmp', 'bench-test-'));
    await chmod(cache, 0o755);
    t.after(() => rm(cache, { recursive: true, force: true }));
    const names = ['mixed-near', 'mixed-far'];
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['bench/network.ts', '--size', '1', '--rounds', '1', '--json', '--only', names.join(',')],
      {
        encoding: 'utf8',
        env: { ...process.env, BENCH_CACHE_FOLDER: cache, BENCH_DATABASE_URL: process.env[serverUrlVariable] },
      },
    );
    assert.equal(status, 0, stderr);
    const { results } = networkReport.parse(JSON.parse(stdout));
    assert.deepEqual(
      results.map(({ name }) => name),
      names,
    );
    const [near, far] = results.map(({ runs: [run] }) => run?.more);
    // A listing, and each of the 24 files.
    assert.deepEqual([near?.requests, far?.requests], [25, 25]);
    assert.ok((far?.firstFileS ?? 0) > 0.12, 'two connections, each with its handshake and a round trip');
  });
});
