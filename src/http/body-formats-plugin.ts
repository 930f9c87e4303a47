import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ClientError } from '../errors/client-error.ts';
import { formatAnswer, formatOfName, parseBody, REQUEST_TYPES, wantedFormat } from './body-formats.ts';

/**
 * Reads JSON and YAML bodies by their content type. No body at all is undefined: Aidbox's own client sends a content
 * type with every request, DELETE included.
 */
export function acceptBodyFormats(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  for (const [type, format] of Object.entries(REQUEST_TYPES)) {
    app.addContentTypeParser(type, { parseAs: 'string' }, async (_request: FastifyRequest, text: string) =>
      text === '' ? undefined : parseBody(text, format),
    );
  }
  // Not where the answer is written: errors are written there too.
  app.addHook('preValidation', async ({ query }) => checkFormat(query));
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
  const { _format: format } = request.query as { _format?: unknown };
  const { text, contentType } = formatAnswer(
    answer,
    wantedFormat(request.headers.accept, typeof format === 'string' ? format : undefined),
  );
  return reply.code(status).type(contentType).send(text);
}
