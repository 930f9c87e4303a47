import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { ClientError } from '../errors/client-error.ts';
import { toErrorBody } from '../errors/error-body.ts';

// Not by `import`, which loads undici (`create-s3-client.ts`).
const { STATUS_CODES } = process.getBuiltinModule('node:http');

/**
 * Fastify's option for what never becomes a request: bytes that are no HTTP, headers too long, a client that sends nothing
 * for too long. Node hands over the bare connection, which is answered in the loader's form and closed.
 */
export function brokenRequests() {
  return {
    clientErrorHandler(this: { log: FastifyBaseLogger }, error: ConnectionError, socket: Socket): void {
      // The client is gone: nobody is there to be answered.
      if (error.code === 'ECONNRESET' || socket.destroyed) return;
      const refusal = refusalOf(error);
      // Never the error itself, which holds the bytes received, credentials among them.
      this.log.debug({ code: error.code, status: refusal.status }, 'a connection sent something that is not a request');
      if (socket.writable) socket.write(answerText(refusal));
      socket.destroy(error);
    },
  };
}

interface ConnectionError extends Error {
  /** Node's, or its HTTP parser's. */
  code?: string;
}

function refusalOf({ code }: ConnectionError): ClientError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ClientError('too-slow', 'The request took too long to arrive.');
  if (code === 'HPE_HEADER_OVERFLOW')
    return new ClientError('headers-too-large', 'The request line and headers are too long together.');
  return new ClientError('invalid-request', 'The request is not valid HTTP.');
}

function answerText(error: ClientError): string {
  const { status, body } = toErrorBody(error);
  const text = JSON.stringify({ error: body });
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    '',
    text,
  ].join('\r\n');
}
