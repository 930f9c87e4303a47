import type { FastifyInstance } from 'fastify';

/** GET /health: the process is alive and answers. Needs no credentials: probes have none. */
export function healthRoute(app: FastifyInstance): void {
  app.get('/health', async () => ({ status: 'ok' }));
}
