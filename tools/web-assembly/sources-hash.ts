import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** SHA-256 of a module's sources, by which a test sees that they have changed since the module was built. */
export function sourcesHash(folder: URL): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder).filter((name) => name.endsWith('.as.ts'));
  for (const name of names.toSorted()) hash.update(readFileSync(new URL(name, folder)));
  return hash.digest('hex');
}
