import type { FastifyInstance, FastifyReply } from 'fastify';
import { ClientError } from '../errors/client-error.ts';
import { dispatch } from '../rpc/dispatch.ts';
import type { RpcContext } from '../rpc/rpc-method.ts';
import { sendAnswer } from './body-formats-plugin.ts';
import { callerOf } from './caller-of.ts';
import { logFailure } from './error-handler.ts';

/** Most requests in one batch. */
const MOST_REQUESTS = 100;

/**
 * POST /rpc: one request, or a batch of them answered in order.
 * @param user the id of the client that has signed in; undefined where nobody has to
 */
export function rpcRoute(
  app: FastifyInstance,
  parts: Omit<RpcContext, 'signal' | 'caller'>,
  user: string | undefined,
): void {
  app.post('/rpc', async (request, reply) => {
    const onError = (error: unknown, known: ClientError | undefined) => logFailure(request.log, error, known);
    const { body } = request;
    const context = { ...parts, caller: callerOf(request, user), signal: departureOf(reply) };
    if (!Array.isArray(body)) {
      const { status, answer } = await dispatch(body, context, onError);
      return sendAnswer(request, reply, status, answer);
    }
    if (body.length === 0 || body.length > MOST_REQUESTS) {
      throw new ClientError(
        'invalid-request',
        `A batch has 1 to ${MOST_REQUESTS} requests; this one has ${body.length}.`,
      );
    }
    const answers = [];
    for (const each of body) answers.push((await dispatch(each, context, onError)).answer);
    return sendAnswer(request, reply, 200, answers);
  });
}

/** Aborted when the connection closes before the answer is sent: nobody waits for it any more. */
function departureOf(reply: FastifyReply): AbortSignal {
  const departure = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) departure.abort(new ClientError('domain-error', 'the caller has left'));
  });
  return departure.signal;
}
