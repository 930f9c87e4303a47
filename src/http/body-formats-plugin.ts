import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { formatAnswer, parseBody, REQUEST_TYPES, wantedFormat } from './body-formats.ts';

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
