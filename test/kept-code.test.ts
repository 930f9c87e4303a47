import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const MODULE = fileURLToPath(new URL('../src/kept-code.ts', import.meta.url));

/** A function large enough to be seen in the size of what is kept, and an error with a place. */
const SOURCE = `exports.fail = function fail() { throw new RangeError('too far'); };
const { join } = require('node:path'); exports.places = [__filename, __dirname, join('a', 'b')];
exports.large = function large(n) { ${'n += n > 5 ? n * 2 : n / 3; '.repeat(2_000)} return n; };
`;

interface Outcome {
  places: string[];
  stack: string[];
}

/** A program's folder, and that of its compiled code; both go after the test. */
class Place {
  readonly source: string;
  readonly cache: string;

  private constructor(folder: string) {
    this.source = join(folder, 'program.cjs');
    this.cache = join(folder, 'cache');
  }

  static async create(t: TestContext, { isFirst = false } = {}): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), 'kept-code-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const place = new Place(folder);
    await writeFile(place.source, SOURCE);
    await mkdir(place.cache, { mode: 0o700 });
    await mkdir(join(place.cache, 'of-a-former-start'));
    if (!isFirst) await writeFile(join(place.cache, 'of-a-former-start', 'module'), '');
    return place;
  }

  /** Runs the module in a process of its own, calls its large function if asked to, and keeps its code. */
  async run({ calls = true, cached = true, flags = [] as string[] } = {}): Promise<Outcome> {
    const program = `
      import { enableCompileCache } from 'node:module';
      ${cached ? `enableCompileCache(${JSON.stringify(this.cache)});` : ''}
      const { runKept } = await import(${JSON.stringify(MODULE)});
      const { exports, keep } = runKept(new URL(${JSON.stringify(pathToFileURL(this.source).href)}));
      ${calls ? 'exports.large(1);' : ''}
      let stack;
      try { exports.fail(); } catch (error) { stack = error.stack.split('\\n').slice(0, 2).map((line) => line.trim()); }
      keep?.();
      console.log(JSON.stringify({ places: exports.places, stack }));`;
    const env = { PATH: process.env['PATH'] };
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', program], {
      env,
    });
    return JSON.parse(stdout) as Outcome;
  }

  /** Files of kept code, unfinished ones as well: what tells one that was written again from one that stayed. */
  async kept(): Promise<{ path: string; written: string; size: number; mode: number }[]> {
    const names = (await readdir(this.cache)).filter((name) => name.includes('.kept')).sort();
    return await Promise.all(
      names.map(async (name) => {
        const path = join(this.cache, name);
        const { ino, mtimeMs, size, mode } = await stat(path);
        return { path, written: `${ino} ${mtimeMs}`, size, mode: mode & 0o777 };
      }),
    );
  }
}

async function onlyFile(place: Place) {
  const [file, ...others] = await place.kept();
  assert.ok(file !== undefined);
  assert.deepEqual(others, []);
  return file;
}

/** `KEEPS_SINCE_NODE` of the module says why. */
const isOld = Number.parseInt(process.versions.node, 10) < 24;
const skip = isOld && 'Node 22 keeps no code';

describe('code of a bundled module', () => {
  test('is kept with the functions that were called, for this user alone, and taken by the next start', {
    skip,
  }, async (t) => {
    const [called, uncalled] = await Promise.all([Place.create(t), Place.create(t)]);
    await Promise.all([called.run(), uncalled.run({ calls: false })]);
    const [first, other] = await Promise.all([onlyFile(called), onlyFile(uncalled)]);
    assert.equal(first.mode, 0o600);
    assert.ok(first.size > other.size + 10_000, `${first.size} and ${other.size} bytes`);
    await called.run();
    assert.equal((await onlyFile(called)).written, first.written, 'what is taken is not written again');
  });

  test('is not kept by a first start, which cannot tell whether the folder outlives it', { skip }, async (t) => {
    const place = await Place.create(t, { isFirst: true });
    await place.run();
    assert.deepEqual(await place.kept(), []);
    await place.run();
    await onlyFile(place);
  });

  test('has the same places and stack traces as where it is required', async (t) => {
    const place = await Place.create(t);
    const expected = await place.run({ cached: false });
    assert.deepEqual(await place.kept(), []);
    assert.ok(expected.stack.join(' ').includes(`${place.source}:1:`), expected.stack.join(' '));
    assert.deepEqual(await place.run(), expected, 'compiled');
    assert.deepEqual(await place.run(), expected, 'kept');
    assert.equal(expected.stack[0], 'RangeError: too far');
  });

  test('is compiled anew where what is kept is damaged, cut short, of another source, of other flags or others’ to write', {
    skip,
  }, async (t) => {
    const place = await Place.create(t);
    const expected = await place.run();
    const { path } = await onlyFile(place);
    const whole = await readFile(path);
    const changed = (at: number) => {
      const copy = Buffer.from(whole);
      copy[at] = (copy[at] ?? 0) ^ 0x20;
      return copy;
    };
    const others = {
      'a byte of the code': changed(whole.length - 100),
      'a byte of the marks': changed(3),
      'cut short': whole.subarray(0, whole.length / 2),
      'shorter than the marks': whole.subarray(0, 5),
      empty: Buffer.alloc(0),
    };
    for (const [what, bytes] of Object.entries(others)) {
      await writeFile(path, bytes);
      assert.deepEqual(await place.run(), expected, what);
      assert.equal((await onlyFile(place)).size, whole.length, what);
    }
    await chmod(path, 0o602);
    assert.deepEqual(await place.run(), expected);
    assert.equal((await onlyFile(place)).mode, 0o600, 'written by others');

    const flags = ['--no-opt'];
    const { written } = await onlyFile(place);
    assert.deepEqual(await place.run({ flags }), expected);
    assert.notEqual((await onlyFile(place)).written, written, 'of other flags');

    // Of the same length, which is all that V8 compares.
    await writeFile(place.source, SOURCE.replace('too far', 'so near'));
    assert.equal((await place.run({ flags })).stack[0], 'RangeError: so near');
  });

  test('is neither kept nor taken where stack traces are to name lines of the sources', async (t) => {
    const place = await Place.create(t);
    await place.run({ flags: ['--enable-source-maps'] });
    assert.deepEqual(await place.kept(), []);
  });

  test('leaves nothing behind where it cannot be written, and the caller is told', { skip }, async (t) => {
    const place = await Place.create(t);
    await place.run();
    const { path } = await onlyFile(place);
    await rm(path);
    await mkdir(join(path, 'taken'), { recursive: true });
    await assert.rejects(place.run(), /EISDIR|ENOTEMPTY/);
    assert.deepEqual(
      (await place.kept()).map((file) => file.path),
      [path],
    );
  });
});
