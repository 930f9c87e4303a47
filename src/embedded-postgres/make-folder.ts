import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Creates a folder and those above it that are missing. Node's own `recursive` never ends where the system says that a folder
 * cannot be there, as below /proc.
 * @throws what the system answers
 */
export async function makeFolder(path: string): Promise<void> {
  const found = await lookAt(path);
  if (found?.isDirectory() === true) return;
  const above = dirname(path);
  if (found === undefined && above !== path && (await lookAt(above)) === undefined) await makeFolder(above);
  try {
    await mkdir(path);
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((await lookAt(path))?.isDirectory() !== true) throw error;
  }
}

async function lookAt(path: string) {
  return await stat(path).catch(() => undefined);
}
