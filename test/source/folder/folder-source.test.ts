import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FolderSource } from '../../../src/source/folder/folder-source.ts';
import type { ListedObject } from '../../../src/source/object-source.ts';

const base = await realpath(await mkdtemp(join(tmpdir(), 'folder-source-')));
after(() => rm(base, { recursive: true, force: true }));
const root = join(base, 'allowed');
const { signal } = new AbortController();

async function put(path: string, text: string): Promise<string> {
  const full = join(base, path);
  await mkdir(join(full, '..'), { recursive: true });
  await writeFile(full, text);
  return full;
}

async function list(path: string, prefixes: readonly string[] = [], roots = [root]): Promise<ListedObject[]> {
  const listed: ListedObject[] = [];
  for await (const page of new FolderSource({ kind: 'folder', path }, roots).list(prefixes, signal)) {
    assert.ok(page.length > 0 && page.length <= 1_000);
    listed.push(...page);
  }
  return listed;
}

const keysOf = (objects: readonly ListedObject[]) => objects.map(({ key }) => key);

async function read(path: string, object: ListedObject, roots = [root]): Promise<string> {
  const chunks: Buffer[] = [];
  const bytes = new FolderSource({ kind: 'folder', path }, roots).open(object, signal);
  for await (const chunk of bytes.read()) chunks.push(chunk);
  assert.equal(bytes.bytes, Buffer.concat(chunks).length);
  return Buffer.concat(chunks).toString();
}

describe('A folder as a source', () => {
  test('lists every file of every depth once, with slashes in its key, and reads it', async () => {
    await put('allowed/a/fhir/1/Patient.ndjson', 'one');
    await put('allowed/a/Patient-02.ndjson', '');
    await put('allowed/a/fhir/é ü.ndjson', 'two');
    const folder = join(root, 'a');
    const listed = await list(folder);
    assert.deepEqual(keysOf(listed), ['Patient-02.ndjson', 'fhir/1/Patient.ndjson', 'fhir/é ü.ndjson']);
    assert.deepEqual(await Promise.all(listed.map((object) => read(folder, object))), ['', 'one', 'two']);
  });

  test('a file whose path is not UTF-8 is listed by a key that no text is like, the others as ever', async (t) => {
    const folder = join(root, 'latin-1');
    await put('allowed/latin-1/Patient-1.ndjson', 'one');
    const latin = (name: string) => Buffer.from(join(folder, name), 'latin1');
    try {
      for (const name of ['Patient-é.ndjson', 'Patient-è.ndjson']) await writeFile(latin(name), '');
    } catch {
      return t.skip('the file system takes UTF-8 alone');
    }
    await mkdir(latin('ü/inner'), { recursive: true });
    await writeFile(latin('ü/inner/Patient.ndjson'), '');
    await symlink(folder, latin('ü/link'));
    const keys = ['Patient-1.ndjson', 'Patient-\udce8.ndjson', 'Patient-\udce9.ndjson', '\udcfc/inner/Patient.ndjson'];
    assert.deepEqual(keysOf(await list(folder)), [...keys, '\udcfc/link']);
    assert.deepEqual(keysOf(await list(folder, ['Patient'])), keys.slice(0, 3));
  });

  test('lists what the prefixes begin, overlapping ones once', async () => {
    for (const name of ['x/1/Patient', 'x/12/Patient', 'x/2/Patient', 'y/Patient']) await put(`allowed/p/${name}`, '');
    const folder = join(root, 'p');
    assert.deepEqual(keysOf(await list(folder, ['x/1'])), ['x/1/Patient', 'x/12/Patient']);
    assert.deepEqual(keysOf(await list(folder, ['x/1/', 'x/1/P', 'y'])), ['x/1/Patient', 'y/Patient']);
    assert.deepEqual(await list(folder, ['z']), []);
  });

  test('lists more than a page', async () => {
    for (let n = 0; n < 1_001; n++) await put(`allowed/many/${n}`, '');
    assert.equal((await list(join(root, 'many'))).length, 1_001);
  });

  test('a file that was written to since it was listed fails, before and while it is read', async () => {
    const path = await put('allowed/c/Patient', 'x'.repeat(600_000));
    const folder = join(root, 'c');
    const [listed] = await list(folder);
    assert.ok(listed);
    const chunks = new FolderSource({ kind: 'folder', path: folder }, [root]).open(listed, signal).read();
    const reading = chunks[Symbol.asyncIterator]();
    await reading.next();
    await appendFile(path, 'y');
    await assert.rejects(
      async () => {
        while ((await reading.next()).done !== true);
      },
      { code: 'file-changed' },
    );
    await assert.rejects(read(folder, listed), { code: 'file-changed', source: 'aidbox', transient: false });
    await writeFile(path, 'z'.repeat(600_000));
    await utimes(path, 1, 1);
    await assert.rejects(read(folder, listed), { code: 'file-changed' });
  });

  test('a file that is gone says so', async () => {
    await mkdir(join(root, 'g'), { recursive: true });
    await assert.rejects(read(join(root, 'g'), { key: 'gone' }), { code: 'no-such-file' });
    await assert.rejects(list(join(root, 'nowhere')), { code: 'no-such-file' });
  });
});

describe('What may be read', () => {
  test('nothing outside of the roots, and the answer is the same whether it exists or not', async () => {
    const outside = await put('outside/Patient', 'secret');
    for (const path of [join(base, 'outside'), join(base, 'no-such-folder'), `${root}-beside`, base, '/', '/etc']) {
      await assert.rejects(list(path), (error: unknown) => {
        assert.ok(error instanceof Error && 'code' in error);
        assert.equal(error.code, 'folder-not-allowed');
        assert.match(error.message, /LOADER_FILE_ROOTS/);
        return true;
      });
    }
    await assert.rejects(list(root, [], []), { code: 'folder-not-allowed' });
    // A LoaderFile that somebody wrote by hand can name any key.
    for (const key of ['../outside/Patient', `../../../../../../../..${outside}`]) {
      await assert.rejects(read(root, { key }), { code: 'folder-not-allowed' });
    }
  });

  test('a link is followed within the roots, and never out of them', async () => {
    await put('allowed/l/real/Patient', 'linked');
    const folder = join(root, 'l');
    await symlink(join(folder, 'real'), join(folder, 'link'));
    await symlink(folder, join(folder, 'real', 'loop'));
    const listed = await list(folder);
    assert.deepEqual(keysOf(listed), ['link/Patient', 'real/Patient']);
    assert.deepEqual(await Promise.all(listed.map((object) => read(folder, object))), ['linked', 'linked']);

    await put('outside/Observation', 'secret');
    await symlink(join(base, 'outside'), join(folder, 'out'));
    await assert.rejects(list(folder), { code: 'folder-not-allowed' });
    assert.deepEqual(keysOf(await list(folder, ['real/P'])), ['real/Patient']);
    await assert.rejects(read(folder, { key: 'out/Observation' }), { code: 'folder-not-allowed' });
  });

  test('a root may be a link itself', async () => {
    await put('elsewhere/r/Patient', 'x');
    await symlink(join(base, 'elsewhere'), join(base, 'mounted'));
    await symlink(join(base, 'elsewhere', 'r', 'Patient'), join(base, 'elsewhere', 'r', 'again'));
    const roots = [join(base, 'mounted')];
    const folder = join(base, 'mounted', 'r');
    const listed = await list(folder, [], roots);
    assert.deepEqual(keysOf(listed), ['Patient', 'again']);
    for (const object of listed) assert.equal(await read(folder, object, roots), 'x');
  });
});
