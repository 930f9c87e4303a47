import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import type { SourceOptions } from '../source/sources.ts';
import type { DatabaseAddress } from '../store/connection-options.ts';
import type { AttemptRecovery } from '../target/attempt-recovery.ts';
import type { LoadObserver } from './load-observer.ts';
import type { WatchesOptions } from './watch/watches.ts';

/** What the loads of a process work with, and its settings for them. */
export interface LoaderServiceOptions {
  address: DatabaseAddress;
  /** Nodes that take rows past the coordinator of Citus; none: all goes by `address`. */
  dataAddresses: readonly DatabaseAddress[];
  pool: pg.Pool;
  /** For index builds and ANALYZE, which may take hours. */
  buildPool: pg.Pool;
  log: Logger;
  recovery: AttemptRecovery;
  /** On Citus: whether missing tables are created as distributed ones. */
  distributeTables: boolean;
  observer?: LoadObserver;
  maxLineBytes: number;
  /** For the long lines of all files at once, in bytes of the lines. */
  lineMemoryBytes: number;
  /** Which resource types files may be loaded into. */
  loadableTypes: LoadableTypes;
  /** Where the database's files are, if that is on this machine and known. */
  databaseFolder?: string | undefined;
  sources: SourceOptions;
  /** Reads the stored params of a watched bucket. */
  readCall: WatchesOptions['readCall'];
  /** How long files in flight may go on after `close`, in ms. */
  shutdownGraceMs: number;
  /** Worker threads; by default one per core. */
  threads?: number | undefined;
  /** How often loads poll for changes without a notification, in ms; 5 s by default. */
  pollMs?: number | undefined;
  /** Keeps what has been compiled in the main thread for the next start of the program; called when the first load has ended. */
  keepCode?: (() => void) | undefined;
}
