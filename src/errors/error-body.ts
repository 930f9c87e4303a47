import type { ClientError, FieldError } from './client-error.ts';

/** The `error` member of an answer. */
export interface ErrorBody {
  message: string;
  method?: string;
  code?: string;
  errors?: FieldError[];
}

/** The part of an error that a client sees: all of a ClientError, nothing of any other (undefined). */
export function toErrorBody(error: ClientError | undefined): { status: number; body: ErrorBody } {
  if (error === undefined) {
    return { status: 500, body: { message: 'Internal error. The server log has the details.' } };
  }
  const { method, errors, code } = error.details;
  return {
    status: error.status,
    body: {
      message: error.message,
      ...(method === undefined ? {} : { method }),
      ...(code === undefined ? {} : { code }),
      ...(errors === undefined ? {} : { errors }),
    },
  };
}
