import { PassThrough } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { LoadFeed } from './load-feed.ts';
import type { LoadSource, UpdateEvent } from './load-view.ts';

/** How long a browser waits before it connects again, in ms. */
const RECONNECT_MS = 2_000;

/** Server-sent events at `/events`: an `update` about once a second (see `UpdateEvent`). */
export function eventsRoute(app: FastifyInstance, loader: LoadSource): void {
  const feed = new LoadFeed(loader, app.log);
  const streams = new Set<PassThrough>();

  app.get('/events', (_request, reply) => {
    const stream = new PassThrough();
    const told = new Map<string, number>();
    streams.add(stream);
    stream.write(`retry: ${RECONNECT_MS}\n\n`);
    const unwatch = feed.watch(() => {
      // A page that is slow to read misses some updates: what they said is in the next one it gets.
      if (!stream.writableNeedDrain) stream.write(toEvent(feed.updateFor(told)));
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
