import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ClientError } from '../../errors/client-error.ts';
import { sendAnswer } from '../body-formats-plugin.ts';
import { eventsRoute } from './events-route.ts';
import { type LoadSource, readLoads } from './load-view.ts';
import { readPageAssets } from './page-assets.ts';
import { ICON_STATES, progressIcon } from './progress-icon.ts';

const iconSchema = z.object({ state: z.enum(ICON_STATES), percent: z.coerce.number().int().min(0).max(100) });

/**
 * Everything comes from this server and nothing is inline. Helmet's own policy would also have browsers ask for the
 * page's files by https, which a server on a plain http address cannot answer.
 */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

/** The live page at `/`, its files, its events, and `/loads`: the same figures, once, for programs. */
export function pageRoutes(app: FastifyInstance, loader: LoadSource): void {
  for (const { path, contentType, etag, body } of readPageAssets()) {
    app.get(path, { helmet: { contentSecurityPolicy: CONTENT_SECURITY_POLICY } }, (request, reply) => {
      // Always asked for anew, mostly answered 304: a page and scripts of two versions must not meet.
      reply.header('cache-control', 'no-cache').header('etag', etag);
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.header('content-type', contentType).send(body);
    });
  }
  app.get('/page/progress-icon/:state/:percent', (request, reply) => {
    const { success, data } = iconSchema.safeParse(request.params);
    if (!success) throw new ClientError('not-found', 'No icon has this address.');
    return reply
      .header('content-type', 'image/svg+xml')
      .header('cache-control', 'max-age=3600')
      .send(progressIcon(data.state, data.percent));
  });
  app.get('/loads', async (request, reply) => sendAnswer(request, reply, 200, { loads: await readLoads(loader) }));
  eventsRoute(app, loader);
}
