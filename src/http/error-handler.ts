import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ClientError, type ClientErrorKind } from '../errors/client-error.ts';
import { toErrorBody } from '../errors/error-body.ts';
import { toClientError } from '../errors/to-client-error.ts';
import { sendAnswer } from './body-formats-plugin.ts';
import { closeAfter } from './connection-limits.ts';

/** Fastify's own refusals, in the loader's words. */
const BY_STATUS: Readonly<Record<number, [ClientErrorKind, string]>> = {
  400: ['unreadable-body', 'The body cannot be read.'],
  401: ['unauthorized', 'Send the client id and secret as HTTP Basic credentials.'],
  413: ['body-too-large', 'The body is too large.'],
  415: ['unknown-content-type', 'Send JSON (content-type: application/json) or YAML (content-type: text/yaml).'],
};

/** Answered before the body has come, or without an interest in it. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 413, 415, 421, 429]);

/** One place that turns whatever a route throws into an answer; internal errors are logged and masked. */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const byStatus = BY_STATUS[error.statusCode ?? 0];
    const known =
      toClientError(error) ?? (byStatus === undefined ? undefined : new ClientError(byStatus[0], byStatus[1]));
    logFailure(request.log, error, known);
    const { status, body } = toErrorBody(known);
    if (REFUSED.has(status) || request.is404) closeAfter(reply);
    return sendAnswer(request, reply, status, { error: body });
  });
  // Before the body of a request for nothing is waited for, as it would be for the handler.
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw noRoute(request);
  });
  // Hooks run for unknown routes only where such a handler is set.
  app.setNotFoundHandler(async (request) => {
    throw noRoute(request);
  });
}

function noRoute({ method, url }: FastifyRequest): ClientError {
  return new ClientError('not-found', `No route ${method} ${url.split('?')[0]}. RPC calls go to POST /rpc.`);
}

/**
 * Logs what made a request fail, unless the request itself is the mistake: the caller is told that. An error that nobody
 * expected comes with its stack; what S3 or Postgres refused, or a database out of reach, with its code alone, since Postgres
 * quotes rows. The line of a batch would not tell: its status is 200.
 * @param known what the caller is told; undefined for an unexpected error
 */
export function logFailure(log: FastifyBaseLogger, error: unknown, known: ClientError | undefined): void {
  if (known === undefined) log.error({ err: error }, 'request failed');
  else if (known.cause !== undefined || known.status >= 500) log.warn({ code: known.details.code }, 'request refused');
}

/** Longest id in a path, in characters. */
const MOST_PARAM_LENGTH = 1_000;

/** Fastify's options for paths that it refuses before it has a request: answered in the loader's form. */
export function pathOptions() {
  return {
    routerOptions: { maxParamLength: MOST_PARAM_LENGTH },
    frameworkErrors(error: FastifyError, _request: FastifyRequest, reply: FastifyReply) {
      const isLong = error.code === 'FST_ERR_MAX_PARAM_LENGTH';
      const { status, body } = toErrorBody(
        isLong
          ? new ClientError('not-found', `Nothing has an id of more than ${MOST_PARAM_LENGTH} characters.`)
          : new ClientError('invalid-request', 'The path is not valid percent-encoded UTF-8.'),
      );
      // This request has no query and no headers to negotiate by.
      return closeAfter(reply)
        .code(status)
        .type('application/json; charset=utf-8')
        .send(JSON.stringify({ error: body }));
    },
  };
}
