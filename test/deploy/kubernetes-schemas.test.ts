import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { loadAll } from 'js-yaml';

const run = promisify(execFile);
const folder = new URL('../../deploy/kubernetes/', import.meta.url);

/** Oldest and newest minor version of Kubernetes 1 that the manifests are for. */
const [OLDEST, NEWEST] = [29, 37];

interface Named {
  metadata: { name?: string; generateName?: string };
}

const installed = await run('kubernetes-validate', ['--version']).then(
  () => true,
  () => false,
);

test(`the manifests pass the strict schemas of Kubernetes 1.${OLDEST} to 1.${NEWEST}`, {
  skip: installed ? false : 'kubernetes-validate is not installed (pip install kubernetes-validate)',
}, async (t) => {
  const temporary = await mkdtemp(join(tmpdir(), 'manifests-'));
  t.after(() => rm(temporary, { recursive: true }));
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  assert.ok(names.length >= 3);
  const files: string[] = [];
  for (const name of names) {
    for (const manifest of loadAll(await readFile(new URL(name, folder), 'utf8')) as Named[]) {
      // The validator's messages want a name where the API server makes one.
      const { generateName, ...metadata } = manifest.metadata;
      const named = generateName === undefined ? manifest : { ...manifest, metadata: { name: 'load-1', ...metadata } };
      files.push(join(temporary, `${files.length}.json`));
      await writeFile(files.at(-1) ?? '', JSON.stringify(named));
    }
  }
  for (let minor = OLDEST; minor <= NEWEST; minor++) {
    const { stdout } = await run('kubernetes-validate', ['-k', `1.${minor}.0`, '--strict', ...files]);
    assert.equal(stdout.match(/\bpassed\b/g)?.length, files.length, stdout);
  }
});
