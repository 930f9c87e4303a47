import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates a folder and those above it that are missing. Node's own `recursive` never ends where the system says that a folder
 * cannot be there, as below /proc.
 * @param mode permissions of each folder that is created, less the umask
 * @throws what the system answers
 */
export function makeFolder(path: string, mode = 0o777): void {
  const found = lookAt(path);
  if (found?.isDirectory() === true) return;
  const above = dirname(path);
  if (found === undefined && above !== path && lookAt(above) === undefined) makeFolder(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (lookAt(path)?.isDirectory() !== true) throw error;
  }
}

/** Undefined also where the system does not say, as below a folder that is closed to this user. */
function lookAt(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
