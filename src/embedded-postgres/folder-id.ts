import { createHash } from 'node:crypto';

/** A short name (16 hexadecimal digits) for a folder, the same for the same real path. */
export function folderId(realPath: string): string {
  return createHash('sha256').update(realPath).digest('hex').slice(0, 16);
}
