import type { FastifyInstance, FastifyReply } from 'fastify';

/** Time to send a whole request, its body included, in ms: bodies have 1 MiB at most. */
const REQUEST_TIMEOUT_MS = 30_000;

/** How often connections are looked at for that, in ms. */
const CHECK_MS = 5_000;

/** Connections at once: some thousand pages may watch the loads, each by one. */
const MOST_CONNECTIONS = 10_000;

/** Fastify's options for connections that send slowly or never; a request without Host is `refuseForeignPages`'s to refuse. */
export function connectionLimits() {
  return {
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { connectionsCheckingInterval: CHECK_MS, headersTimeout: REQUEST_TIMEOUT_MS, requireHostHeader: false },
  };
}

/** Takes no more connections than the process can hold; to be called before it listens. */
export function limitConnections({ server }: FastifyInstance): void {
  server.maxConnections = MOST_CONNECTIONS;
}

/** The refused client's body is not waited for: the connection closes with the answer. */
export function closeAfter(reply: FastifyReply): FastifyReply {
  return reply.header('connection', 'close');
}
