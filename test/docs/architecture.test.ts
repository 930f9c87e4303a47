import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Files and folders of the repository, folders with a slash at the end. */
async function pathsOf(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const paths = entries.map((entry) => {
    const path = relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, '/');
    return entry.isDirectory() ? `${path}/` : path;
  });
  return [`${folder}/`, ...paths];
}

test('every file and folder that ARCHITECTURE.md names exists, and it names every room of src', async () => {
  const text = await readFile(join(root, 'ARCHITECTURE.md'), 'utf8');
  const folders = ['bench', 'bin', 'demo', 'deploy', 'docs', 'migrations', 'src', 'test', 'tools'];
  const paths = [...(await readdir(root)), ...(await Promise.all(folders.map(pathsOf))).flat()];
  const isThere = (path: string) => paths.some((other) => other === path || other.endsWith(`/${path}`));
  const named = [...text.matchAll(/`([\w./-]+(?:\.(?:ts|json|md)|\/))`/g)].map(([, path = '']) => path);
  assert.ok(named.length > 60);
  assert.deepEqual(
    named.filter((path) => !isThere(path)),
    [],
  );
  const rooms = paths.filter((path) => /^src\/[\w-]+\/$/.test(path));
  assert.deepEqual(
    rooms.filter((room) => !text.includes(`\`${room}\``)),
    [],
  );
});
