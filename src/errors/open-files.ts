/** Of a failure, where this process or its machine has as many files and sockets open as it may. */
export const TOO_MANY_OPEN_FILES = 'too-many-open-files';

const CODES = ['EMFILE', 'ENFILE'];

/** Errors of the SDK and of pg wrap the socket's own, at most this deep. */
const DEEPEST = 5;

/** Whether an error, or one that it was caused by, says that no further file or socket could be opened. */
export function isOpenFilesLimit(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < DEEPEST && current instanceof Error; depth++) {
    if (CODES.includes(codeOf(current))) return true;
    if (current instanceof AggregateError && current.errors.some(isOpenFilesLimit)) return true;
    current = current.cause;
  }
  return false;
}

/** The system's code. Node's SystemError (of `os.homedir`, which the SDK asks) has it in `info`. */
function codeOf(error: Error): string {
  const info = 'info' in error ? error.info : undefined;
  const holder = typeof info === 'object' && info !== null && 'code' in info ? info : error;
  return 'code' in holder ? String(holder.code) : '';
}
