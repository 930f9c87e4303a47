/** What was thrown, as the Error that streams and their callbacks want. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
