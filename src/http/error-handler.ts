import type { FastifyError, FastifyInstance } from 'fastify';
import { ClientError, type ClientErrorKind } from '../errors/client-error.ts';
import { toErrorBody } from '../errors/error-body.ts';
import { toClientError } from '../errors/to-client-error.ts';
import { sendAnswer } from './body-formats-plugin.ts';

/** Fastify's own refusals, in the loader's words. */
const BY_STATUS: Readonly<Record<number, [ClientErrorKind, string]>> = {
  400: ['unreadable-body', 'The body cannot be read.'],
  401: ['unauthorized', 'Send the client id and secret as HTTP Basic credentials.'],
  413: ['body-too-large', 'The body is too large.'],
  415: ['unknown-content-type', 'Send JSON (content-type: application/json) or YAML (content-type: text/yaml).'],
};

/** One place that turns whatever a route throws into an answer; internal errors are logged and masked. */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const byStatus = BY_STATUS[error.statusCode ?? 0];
    const known =
      toClientError(error) ?? (byStatus === undefined ? undefined : new ClientError(byStatus[0], byStatus[1]));
    if (known === undefined) request.log.error({ err: error }, 'request failed');
    const { status, body } = toErrorBody(known);
    return sendAnswer(request, reply, status, { error: body });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0];
    const { status, body } = toErrorBody(
      new ClientError('not-found', `No route ${request.method} ${path}. RPC calls go to POST /rpc.`),
    );
    return sendAnswer(request, reply, status, { error: body });
  });
}
