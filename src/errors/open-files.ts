/** Of a failure, where this process or its machine has as many files and sockets open as it may. */
export const TOO_MANY_OPEN_FILES = 'too-many-open-files';

const CODES = ['EMFILE', 'ENFILE'];

/** Errors of the SDK and of pg wrap the socket's own, at most this deep. */
const DEEPEST = 5;

/** Whether an error, or one that it was caused by, says that no further file or socket could be opened. */
export function isOpenFilesLimit(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < DEEPEST && current instanceof Error; depth++) {
    if ('code' in current && CODES.includes(String(current.code))) return true;
    if (current instanceof AggregateError && current.errors.some(isOpenFilesLimit)) return true;
    current = current.cause;
  }
  return false;
}
