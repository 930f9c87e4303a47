/** A body that broke off before its end. */
export class BrokenBody extends Error {}

/** Whether the network, TLS or HTTP's framing failed, by Node's codes: anything else is worth no resume. */
export function isConnectionError(error: unknown): error is Error {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return /^(E[A-Z]+$|HPE_|ERR_SSL_|ERR_STREAM_PREMATURE_CLOSE)/.test(error.code);
}
