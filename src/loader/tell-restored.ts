import type { FastifyBaseLogger as Logger } from 'fastify';
import type { LoadObserver } from './load-observer.ts';
import type { RestoreIndex } from './restore-indexes.ts';

/** Tells log and observer which indexes are back, and which cannot be made. */
export function tellRestored({
  log,
  observer,
}: {
  log: Logger;
  observer: LoadObserver;
}): Pick<RestoreIndex, 'onRestored' | 'onFailed'> {
  return {
    onRestored: ({ index }, durationMs) => {
      observer.onIndexRestored(durationMs);
      log.info({ index: index.indexname, durationMs }, 'index restored');
    },
    onFailed: ({ index }) => {
      observer.onIndexFailed();
      log.error({ index: index.indexname }, 'index not restored; its DisabledIndex says why');
    },
  };
}
