import { z } from 'zod';
import { ClientError } from '../errors/client-error.ts';
import { type ErrorBody, toErrorBody } from '../errors/error-body.ts';
import { toClientError } from '../errors/to-client-error.ts';
import { similarName } from '../text/similar-name.ts';
import { convert } from './convert.ts';
import { history } from './history.ts';
import { loadFromBucket } from './load-from-bucket.ts';
import { loadFromBucketCancel } from './load-from-bucket-cancel.ts';
import { loadFromBucketRetry } from './load-from-bucket-retry.ts';
import { loadFromBucketStatus } from './load-from-bucket-status.ts';
import { parameterNames, parseParams } from './params.ts';
import { resolve } from './resolve.ts';
import type { RpcContext, RpcMethod } from './rpc-method.ts';
import { unwatch } from './unwatch.ts';
import { watch } from './watch.ts';

/** Every method that can be called. */
export const RPC_METHODS: readonly RpcMethod[] = [
  loadFromBucket,
  loadFromBucketStatus,
  loadFromBucketCancel,
  loadFromBucketRetry,
  history,
  convert,
  resolve,
  watch,
  unwatch,
];

const requestSchema = z.looseObject({
  method: z.string(),
  params: z.unknown().optional(),
  jsonrpc: z.unknown().optional(),
  id: z.unknown().optional(),
});

/** An RPC answer: `result` or `error`, and JSON-RPC's two members when the request had them. */
export type RpcAnswer = ({ result: unknown } | { error: ErrorBody }) & { jsonrpc?: unknown; id?: unknown };

/** An answer with the HTTP status that it would have on its own. */
export interface Dispatched {
  status: number;
  answer: RpcAnswer;
}

/**
 * Runs one request of the body and puts the outcome, whatever it is, into an answer.
 * @param onError called with each error, and what the caller is told of it; undefined where that is nothing
 */
export async function dispatch(
  request: unknown,
  context: RpcContext,
  onError: (error: unknown, known: ClientError | undefined) => void,
): Promise<Dispatched> {
  const echo = jsonRpcMembers(request);
  try {
    const result = await call(request, context);
    return { status: 200, answer: { ...echo, result } };
  } catch (error) {
    const known = toClientError(error);
    onError(error, known);
    const { status, body } = toErrorBody(known);
    return { status, answer: { ...echo, error: body } };
  }
}

async function call(request: unknown, context: RpcContext): Promise<unknown> {
  const parsed = requestSchema.safeParse(request);
  if (!parsed.success) {
    throw new ClientError(
      'invalid-request',
      'A request must be an object with method, a string, and params, an object.',
    );
  }
  const { method: name, params } = parsed.data;
  const method = RPC_METHODS.find((known) => known.name === name);
  if (method === undefined) {
    const known = RPC_METHODS.map((each) => each.name);
    const meant = similarName(name, known);
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
    throw new ClientError('method-not-found', `Unknown method ${name}.${hint} Known methods: ${known.join(', ')}.`, {
      method: name,
    });
  }
  refuseMisplaced(parsed.data, method);
  return await method.handle(parseParams(method.params, params ?? {}, name), context);
}

/** A parameter beside `params`, as after a lost indent in YAML: `dry-run?` passed over would be a load. Other members are the client's. */
function refuseMisplaced(request: object, { name, params }: RpcMethod): void {
  const errors = parameterNames(params)
    .filter((parameter) => Object.hasOwn(request, parameter))
    .map((path) => ({ message: 'is beside params; write it in params', path, type: 'unrecognized_keys' }));
  if (errors.length > 0) throw new ClientError('invalid-params', 'Invalid params', { method: name, errors });
}

function jsonRpcMembers(request: unknown): { jsonrpc?: unknown; id?: unknown } {
  if (typeof request !== 'object' || request === null) return {};
  return {
    ...('jsonrpc' in request ? { jsonrpc: request.jsonrpc } : {}),
    ...('id' in request ? { id: request.id } : {}),
  };
}
