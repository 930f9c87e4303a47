import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
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
    if (known === undefined) request.log.error({ err: error }, 'request failed');
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
