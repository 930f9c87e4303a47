import { ClientError } from './client-error.ts';

/** What a call is answered that a closing server no longer takes, or can no longer end. */
export function serverClosing(): ClientError {
  return new ClientError('database-unavailable', 'the server is shutting down; call another replica');
}
