import { randomUUID } from 'node:crypto';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire, getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/** As `require` wraps a module. */
const HEAD = '(function (exports, require, module, __filename, __dirname) {';
const TAIL = '\n})';

/** A CRC-32 and a length in bytes; in a file, marks of the source and of the code are before the code. */
const MARK_BYTES = 8;

/**
 * The first Node whose V8 has the same flags when the code is kept as at the next start. Node 22 changes them as it starts a thread, so that
 * the next start refuses what was kept, and keeps it again: seen with 22.18.
 */
const KEEPS_SINCE_NODE = 24;

/** `useCompileCache` has looked at the folder, but not at one that NODE_COMPILE_CACHE names. */
const WRITABLE_BY_OTHERS = 0o022;

export interface KeptModule {
  /** What the module exports. */
  exports: unknown;
  /**
   * Keeps the module's code for the next start of the program, where it has not been found: what has been called until now is compiled
   * there. Undefined where code is not kept, as by a first start, before anything shows that the folder outlives the process.
   * @throws when it cannot be written
   */
  keep?: () => void;
}

/**
 * Runs a bundled CommonJS module. Node's own cache keeps a module's code as it is before it has run, without the functions that are
 * compiled as they are first called; `keep` keeps those as well, in the folder that `useCompileCache` has found to be this user's alone.
 * Measured (10 MB): a load 0.56 to 0.46 CPU s, a start 0.67 to 0.56. V8 takes code of its own version and flags only; here it is checked
 * against its source and for damage, as Node checks what it keeps. Without such a folder, with an older Node, and where stack traces are to name
 * lines of the sources, which Node does for its own modules only, the module is required.
 */
export function runKept(url: URL): KeptModule {
  const path = fileURLToPath(url);
  const require = createRequire(url);
  const folder = getCompileCacheDir();
  const isOld = Number.parseInt(process.versions.node, 10) < KEEPS_SINCE_NODE;
  if (folder === undefined || process.sourceMapsEnabled || isOld) return { exports: require(path) };

  const { text, mark } = readSource(path);
  // Node's folder in it has a name by V8's flags, which differ from thread to thread.
  const file = join(dirname(folder), `${process.version}-${process.arch}-${crc32(path).toString(16)}.kept`);
  const code = readCode(file, mark);
  const script = new Script(text, { filename: path, columnOffset: -HEAD.length, cachedData: code });
  const isFound = code !== undefined && script.cachedDataRejected === false;
  const keeps = isFound || outlives(dirname(folder));
  // Else V8 forgets code that has run once, such as that of the start, before it is kept. Holding it takes 19 MB until then.
  if (keeps && !isFound) setFlagsFromString('--no-flush-bytecode');
  const module: { exports: unknown } = { exports: {} };
  script.runInThisContext()(module.exports, require, module, path, dirname(path));
  if (!keeps) return { exports: module.exports };
  return {
    exports: module.exports,
    keep() {
      // As at the start of the program, which takes code of the same flags only.
      setFlagsFromString('--flush-bytecode');
      if (!isFound) writeCode(file, mark, script.createCachedData());
    },
  };
}

/** Whether a former start has left compiled code in the folder: one of a container may be gone with it. */
function outlives(folder: string): boolean {
  const inside = readdirSync(folder, { withFileTypes: true });
  return inside.some((entry) => entry.isDirectory() && readdirSync(join(folder, entry.name)).length > 0);
}

/** A source of ASCII, as the bundle is, wrapped; read without a copy, for which the process would have to grow. */
function readSource(path: string): { text: string; mark: Buffer } {
  const { size } = statSync(path);
  const wrapped = Buffer.allocUnsafeSlow(HEAD.length + size + TAIL.length);
  wrapped.write(HEAD, 'latin1');
  const file = openSync(path, 'r');
  try {
    const read = readSync(file, wrapped, HEAD.length, size, 0);
    if (read !== size) throw new Error(`${path} has changed while it was read`);
  } finally {
    closeSync(file);
  }
  wrapped.write(TAIL, HEAD.length + size, 'latin1');
  return { text: wrapped.toString('latin1'), mark: markOf(wrapped) };
}

/** @returns undefined where there is none, or it is of another source or not this user's alone to write, or damaged */
function readCode(file: string, sourceMark: Buffer): Buffer | undefined {
  let kept: Buffer;
  try {
    const { uid, mode } = statSync(file);
    if (uid !== process.getuid?.() || (mode & WRITABLE_BY_OTHERS) !== 0) return undefined;
    kept = readFileSync(file);
  } catch {
    // The first start. Whatever else it is, writing it will say.
    return undefined;
  }
  const code = kept.subarray(2 * MARK_BYTES);
  const marks = Buffer.concat([sourceMark, markOf(code)]);
  return kept.subarray(0, 2 * MARK_BYTES).equals(marks) ? code : undefined;
}

function writeCode(file: string, sourceMark: Buffer, code: Buffer): void {
  const unfinished = `${file}.${randomUUID()}`;
  try {
    writeFileSync(unfinished, Buffer.concat([sourceMark, markOf(code), code]), { mode: 0o600, flag: 'wx' });
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

function markOf(bytes: Buffer): Buffer {
  const mark = Buffer.alloc(MARK_BYTES);
  mark.writeUInt32LE(crc32(bytes));
  mark.writeUInt32LE(bytes.length, 4);
  return mark;
}
