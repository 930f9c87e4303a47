/** Every code of an error in an answer, with its HTTP status. */
export const CLIENT_ERRORS = {
  'unreadable-body': 400,
  'invalid-request': 400,
  unauthorized: 401,
  'foreign-origin': 403,
  'not-found': 404,
  'method-not-found': 404,
  'too-slow': 408,
  conflict: 409,
  'several-match': 412,
  'body-too-large': 413,
  'unknown-content-type': 415,
  misdirected: 421,
  'invalid-params': 422,
  'domain-error': 422,
  'too-many-attempts': 429,
  'headers-too-large': 431,
  'database-unavailable': 503,
  busy: 503,
} as const satisfies Record<string, number>;

export type ClientErrorKind = keyof typeof CLIENT_ERRORS;

/** One wrong field of a request: where it is, what is wrong with it, and the checker's word for that. */
export interface FieldError {
  message: string;
  path: string;
  type: string;
}

export interface ClientErrorDetails {
  method?: string | undefined;
  errors?: FieldError[];
  /** AWS error code or SQLSTATE, where one is behind the error. */
  code?: string | undefined;
}

/** An error meant for the client's eyes: its message is answered as it is. Anything else is answered as "internal". */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly kind: ClientErrorKind;
  readonly status: number;
  readonly details: ClientErrorDetails;

  constructor(kind: ClientErrorKind, message: string, details: ClientErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.status = CLIENT_ERRORS[kind];
    this.details = details;
  }
}
