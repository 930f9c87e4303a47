import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The checkout. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

const listing = z.array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }));

interface Ended {
  code: number;
  output: string;
}

/** Runs a program as a user would: with this Node first in the path, and nothing of npm's own or of a database's. */
export async function run(program: string, args: readonly string[], cwd: string, env = {}): Promise<Ended> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_|PG|BOX_|LOADER_|DATABASE_URL$)/i.test(name),
  );
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  return await new Promise((resolve) => {
    execFile(program, args, { cwd, env: { ...Object.fromEntries(own), PATH: path, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` }),
    );
  });
}

/** The npm package as `npm pack` makes it of the checkout. */
export class Packed {
  /** Paths in the package. */
  readonly files: readonly string[];
  readonly #folder: string;
  readonly #tarball: string;

  private constructor(folder: string, tarball: string, files: readonly string[]) {
    this.#folder = folder;
    this.#tarball = tarball;
    this.files = files;
  }

  static async create(): Promise<Packed> {
    const folder = await mkdtemp(join(tmpdir(), 'package-'));
    const { code, output } = await run('npm', ['pack', '--json', '--pack-destination', folder], root);
    assert.equal(code, 0, output);
    const [first] = listing.parse(JSON.parse(output.slice(output.indexOf('['), output.lastIndexOf(']') + 1)));
    assert.ok(first !== undefined, output);
    return new Packed(
      folder,
      join(folder, first.filename),
      first.files.map(({ path }) => path),
    );
  }

  /** Installs it in an empty folder. Undefined, and the test skipped, where no package registry is reached. */
  async install(t: TestContext, ...options: string[]): Promise<string | undefined> {
    const folder = await mkdtemp(join(this.#folder, 'empty-'));
    const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', ...options, this.#tarball];
    const { code, output } = await run('npm', args, folder);
    if (/code (ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENOTCACHED)/.test(output)) {
      t.skip('the npm registry cannot be reached');
      return undefined;
    }
    assert.equal(code, 0, output);
    return folder;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
