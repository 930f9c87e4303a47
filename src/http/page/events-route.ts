import { PassThrough } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { LoadFeed, type Told } from './load-feed.ts';
import type { LoadSource, UpdateEvent } from './load-view.ts';

/** How long a browser waits before it connects again, in ms. */
const RECONNECT_MS = 2_000;

/** `open`: the bucket whose load is sent in full. */
const querySchema = z.object({ open: z.string().optional().catch(undefined) });

/** Server-sent events at `/events`: an `update` about once a second (see `UpdateEvent`). */
export function eventsRoute(app: FastifyInstance, loader: LoadSource): void {
  const feed = new LoadFeed(loader, app.log);
  const streams = new Set<PassThrough>();

  app.get('/events', (request, reply) => {
    const { open } = querySchema.parse(request.query);
    const stream = new PassThrough();
    const told: Told = { rows: new Map() };
    streams.add(stream);
    stream.write(`retry: ${RECONNECT_MS}\n\n`);
    const unwatch = feed.watch({
      open,
      onRead() {
        // A page that is slow to read misses some updates: what they said is in the next one it gets.
        if (!stream.writableNeedDrain) stream.write(toEvent(feed.updateFor({ open }, told)));
      },
    });
    stream.once('close', () => {
      unwatch();
      streams.delete(stream);
    });
    return reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .send(stream);
  });

  app.addHook('preClose', async () => {
    feed.close();
    for (const stream of streams) stream.end();
  });
}

function toEvent(update: UpdateEvent): string {
  return `event: update\ndata: ${JSON.stringify(update)}\n\n`;
}
