import { utimes, writeFile } from 'node:fs/promises';

/** Writes a file that nobody has written to for an hour, so that a watch takes it at once; each time of a time of its own. */
export async function writeSettled(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  const then = new Date(Date.now() - 3_600_000);
  await utimes(path, then, then);
}
