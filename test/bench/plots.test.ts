import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { serverUrlVariable } from '../support/test-server-address.ts';

// Not under os.tmpdir(): Postgres, another user, reads files there, and TMPDIR may be a closed folder.
const cache = mkdtempSync(join('/tmp', 'bench-test-'));
const results = mkdtempSync(join('/tmp', 'bench-results-'));
chmodSync(cache, 0o755);
after(() => {
  for (const folder of [cache, results]) rmSync(folder, { recursive: true, force: true });
});

function bench(...args: string[]) {
  const { stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: {
      ...process.env,
      BENCH_CACHE_FOLDER: cache,
      BENCH_RESULTS_FOLDER: results,
      BENCH_DATABASE_URL: process.env[serverUrlVariable],
    },
  });
  return { stderr, status };
}

describe('the plots of bench/README.md', () => {
  test('are all drawn by bench:growth and bench:rows, and a run of one series keeps the figures of the others', () => {
    const earlier = { at: '2026-11-25T04:35:23.166Z', results: [] };
    writeFileSync(join(results, 'growth.json'), JSON.stringify({ sizes: earlier, threads: earlier }));
    for (const args of [
      ['bench/growth.ts', '--size', '0.1', '--only', 'threads'],
      ['bench/rows.ts', '--most', '0.001', '--load', '0.4'],
    ]) {
      const { stderr, status } = bench(...args);
      assert.equal(status, 0, stderr);
    }
    const growth = JSON.parse(readFileSync(join(results, 'growth.json'), 'utf8'));
    assert.deepEqual(growth.sizes, earlier);
    assert.deepEqual(
      growth.threads.results.map(({ at }: { at: number }) => at),
      [1, 2, 4, 8, 16],
    );

    const published = globSync('bench/results/*').map((path) => path.slice('bench/results/'.length));
    const ofOthers = ['growth-sizes.svg', 'growth-memory-by-file.svg'];
    assert.deepEqual([...readdirSync(results), ...ofOthers].sort(), published.sort());
    for (const name of readdirSync(results).filter((file) => file.endsWith('.svg'))) {
      const svg = readFileSync(join(results, name), 'utf8');
      assert.match(svg, /^<svg[^>]*><title>.+<\/title>/, name);
      assert.doesNotMatch(svg, /NaN|undefined/, name);
    }
  });

  test('a series that does not exist is refused by name, and nothing is written', () => {
    const before = readdirSync(results);
    const { stderr, status } = bench('bench/growth.ts', '--only', 'threds');
    assert.notEqual(status, 0);
    assert.match(stderr, /no threds; there are sizes,threads,files/);
    assert.deepEqual(readdirSync(results), before);
  });
});
