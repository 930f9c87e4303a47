import { FileError } from '../../errors/file-error.ts';

/** Codes of the system that say "not now": the disk or its server may answer again, and files are closed elsewhere. */
const TRANSIENT = new Set(['EIO', 'ESTALE', 'ETIMEDOUT', 'EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY']);

/** Why a folder or a file in it cannot be read. */
export class FolderError extends FileError {
  override readonly name = 'FolderError';

  /** @param url of the folder or file, as the user knows it */
  constructor(code: string, text: string, url: string, options: { transient?: boolean; cause?: unknown } = {}) {
    super(`${code}: ${text} (${url})`, { source: 'aidbox', code, ...options });
  }
}

/** Puts an error of the file system into words. */
export function toFolderError(error: unknown, url: string): FileError {
  if (error instanceof FileError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN';
  const options = { transient: TRANSIENT.has(code), cause: error };
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new FolderError('no-such-file', 'it does not exist', url, options);
  if (code === 'EACCES' || code === 'EPERM')
    return new FolderError(code, "the server's user may not read it; change its permissions", url, options);
  return new FolderError(code, error instanceof Error ? error.message : String(error), url, options);
}
