import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { RPC_METHODS } from '../rpc/dispatch.ts';
import { loadFromBucketStatus } from '../rpc/load-from-bucket-status.ts';

/** Asked for every few seconds by machines: logged at `debug` only. */
const POLLED_PATHS = new Set(['/health', '/ready', '/metrics']);
const POLLED_METHOD = loadFromBucketStatus.name;

/** An id that a proxy in front may have given to a request. */
const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** Fastify's options for `logRequests`: its own two lines a request, which show the query, are off. */
export function requestLogOptions() {
  return { logController: new LogController({ disableRequestLogging: true }), genReqId: requestId };
}

/** The `x-request-id` of a request where it is sane, else a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/**
 * One line for each answered request: method, path, RPC methods, status, ms. Never params, query or headers, which may
 * hold credentials. The answer carries the request's id.
 */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const rpc = rpcMethods(request);
    const { statusCode: status } = reply;
    const polled = POLLED_PATHS.has(path) || (rpc.length > 0 && rpc.every((name) => name === POLLED_METHOD));
    const level = status >= 500 ? 'warn' : polled ? 'debug' : 'info';
    request.log[level](
      {
        method: request.method,
        path,
        ...(rpc.length === 0 ? {} : { rpc: rpc.join(' ') }),
        status,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
}

/** The methods that a body calls, each once; one that does not exist is `unknown`, since it could be any text. */
function rpcMethods({ body }: FastifyRequest): string[] {
  const calls = Array.isArray(body) ? body : [body];
  const names = calls.flatMap((call) =>
    typeof call === 'object' && call !== null && 'method' in call ? [call.method] : [],
  );
  return [...new Set(names.map((name) => RPC_METHODS.find((known) => known.name === name)?.name ?? 'unknown'))];
}
