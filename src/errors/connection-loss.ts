const SOCKET_CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  // A container's or a service's name is gone from DNS while it is restarted.
  'ENOTFOUND',
  'EAI_AGAIN',
];

/** How pg words it when the socket's own error is not at hand; it gives these errors neither a class nor a code. */
const PG_MESSAGES = [
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Client has encountered a connection error',
  'Client was closed',
];

/** Whether an error says that a connection to Postgres was lost or could not be made. */
export function isConnectionLoss(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if ('syscall' in error && 'code' in error) return SOCKET_CODES.includes(String(error.code));
  return PG_MESSAGES.some((start) => error.message.startsWith(start));
}
