import accepts from '@fastify/accepts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ClientError } from '../errors/client-error.ts';
import { type BodyFormat, decodeBody, formatAnswer, formatOfName, parseBody, REQUEST_TYPES } from './body-formats.ts';

/** With and without what is sent besides: a client that names the charset wants the same. */
const OFFERED = Object.entries(REQUEST_TYPES).flatMap(([type, format]) =>
  [type, `${type};charset=utf-8`].map((offered) => [offered, format] as const),
);

/**
 * Reads JSON and YAML bodies by their content type. No body at all is undefined: Aidbox's own client sends a content
 * type with every request, DELETE included.
 */
export async function acceptBodyFormats(app: FastifyInstance): Promise<void> {
  await app.register(accepts);
  app.removeAllContentTypeParsers();
  for (const [type, format] of Object.entries(REQUEST_TYPES)) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
      checkContentEncoding(request.headers['content-encoding']);
      return bytes.length === 0 ? undefined : parseBody(decodeBody(bytes), format);
    });
  }
  // Not where the answer is written: errors are written there too.
  app.addHook('preValidation', async ({ url, query }) => {
    checkEncoding(url);
    checkFormat(query);
  });
}

/** @throws ClientError of kind `unknown-content-type` for a body that is packed */
function checkContentEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  throw new ClientError('unknown-content-type', 'Send the body as it is, without a content-encoding.');
}

/**
 * What cannot be decoded would stand for itself: `file=100%` would look for a file of that name, and `file=%FF` for one named so.
 * @throws ClientError of kind `invalid-request`
 */
function checkEncoding(url: string): void {
  try {
    decodeURIComponent(url.slice(url.indexOf('?') + 1));
  } catch {
    throw new ClientError('invalid-request', 'The query is not valid percent-encoded UTF-8.');
  }
}

/** @throws ClientError of kind `invalid-params` when `_format` is neither JSON nor YAML */
function checkFormat(query: unknown): void {
  const { _format: format } = query as { _format?: unknown };
  if (format === undefined || (typeof format === 'string' && formatOfName(format) !== undefined)) return;
  const errors = [{ message: 'must be json or yaml, once', path: '_format', type: 'invalid_value' }];
  throw new ClientError('invalid-params', 'Invalid params', { errors });
}

/** Sends an answer in the format that the client wants. */
export function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  answer: unknown,
): FastifyReply {
  const { text, contentType } = formatAnswer(answer, wantedFormat(request));
  return reply.code(status).type(contentType).send(text);
}

/**
 * `_format` first, then `Accept` by its weights. JSON where neither names a format that there is: an answer that the client
 * did not ask for says more than a 406.
 */
function wantedFormat(request: FastifyRequest): BodyFormat {
  const { _format: format } = request.query as { _format?: unknown };
  if (typeof format === 'string') return formatOfName(format) ?? 'json';
  const type = request.accepts().type(OFFERED.map(([offered]) => offered));
  return OFFERED.find(([offered]) => offered === type)?.[1] ?? 'json';
}
