import { setImmediate } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { app } from './app.ts';
import type { Config } from './config.ts';
import { keepRunning } from './embedded-postgres/keep-running.ts';
import { startEmbeddedPostgres } from './embedded-postgres/start-embedded-postgres.ts';
import {
  explainDatabase,
  explainDataFolder,
  explainListen,
  explainPermissions,
  explainThreads,
} from './explain-start.ts';
import { brokenRequests } from './http/broken-requests.ts';
import { connectionLimits, limitConnections } from './http/connection-limits.ts';
import { pathOptions } from './http/error-handler.ts';
import { noSchemas } from './http/no-schemas.ts';
import { requestLogOptions } from './http/request-log.ts';
import { LoaderService } from './load/loader-service.ts';
import type { LoaderServiceOptions } from './load/loader-service-options.ts';
import { loggerOptions, logStream } from './log-stream.ts';
import { Metrics } from './metrics/metrics.ts';
import { readWatchParams } from './rpc/watch-params.ts';
import type { DatabaseAddress } from './store/connection-options.ts';
import { createPool } from './store/create-pool.ts';
import { prepareDataAddresses } from './store/data-addresses.ts';
import { migrate } from './store/migrate.ts';
import { forgetIdentifiers } from './store/references/identifier-index.ts';
import { refuseTransactionPooling } from './store/refuse-transaction-pooling.ts';
import { AttemptRecovery } from './target/attempt-recovery.ts';

/** Connections of the main thread for what is quick: claims, statuses. */
const POOL_SIZE = 16;

/** Connections, and so index builds and ANALYZEs, at once: more would take the disk and memory from each other. */
const BUILD_POOL_SIZE = 4;

/** How long these are kept, in ms: each is one that a file, or a call, may be refused for. */
const BUILD_IDLE_MS = 1_000;

/** Longest wait for requests and files in flight when the server closes, in ms. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface RunningServer {
  /** `http://host:port` */
  url: string;
  database: DatabaseAddress;
  log: FastifyInstance['log'];
  /**
   * Resolves once files can be loaded; until then a call's files wait.
   * @throws StartError where no worker thread can start
   */
  ready(): Promise<void>;
  /** Begins no new file, rolls back those in flight, closes connections, stops an embedded Postgres. */
  close(): Promise<void>;
  /** Resolves when the log is written, or cannot be. */
  logged(): Promise<void>;
}

/**
 * Starts everything that the settings ask for: an embedded Postgres when no database is configured, migrations, the
 * loader, the HTTP server.
 * @throws StartError when the database cannot be reached or used, or the port is taken; what was started is stopped again
 */
export async function startServer(config: Config & Pick<LoaderServiceOptions, 'keepCode'>): Promise<RunningServer> {
  const stream = logStream();
  const fastify = Fastify({
    logger: { ...loggerOptions(config.logLevel), stream },
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    ...connectionLimits(),
    ...brokenRequests(),
    ...requestLogOptions(),
    ...pathOptions(),
    ...noSchemas(),
  });
  const { log } = fastify;
  limitConnections(fastify);
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of opened.splice(0).reverse()) await part.close();
  };
  try {
    let database = config.database;
    if (database === undefined) {
      const embedded = await startEmbeddedPostgres({ dataFolder: config.dataFolder }).catch((error: unknown) => {
        throw explainDataFolder(error, config.dataFolder);
      });
      const watch = keepRunning(embedded, log);
      opened.push({
        close: async () => {
          watch.stop();
          await embedded.stop();
        },
      });
      database = embedded.connection;
      log.info(
        { dataFolder: embedded.dataFolder, ...database },
        'no database is configured: embedded Postgres started',
      );
    }
    const migrations = await openDatabase(database);
    log.info({ host: database.host, database: database.database, migrations }, 'database ready');
    const onIdleError = (error: Error) => log.warn({ reason: error.message }, 'an idle database connection was lost');
    const pool = createPool(database, { max: POOL_SIZE, onIdleError });
    opened.push({ close: () => pool.end() });
    const buildPool = createPool(database, {
      max: BUILD_POOL_SIZE,
      onIdleError,
      waitMs: 0,
      idleTimeoutMs: BUILD_IDLE_MS,
    });
    opened.push({ close: () => buildPool.end() });
    const dataAddresses = await prepareDataAddresses(pool, database, config.dataAddresses);
    const recovery = new AttemptRecovery(pool, log);
    opened.push({ close: () => recovery.close() });
    await recovery.start();
    await forgetIdentifiers(pool);
    const metrics = new Metrics(pool);
    const loader = new LoaderService({
      address: database,
      pool,
      buildPool,
      log,
      recovery,
      observer: metrics,
      readCall: (params) => readWatchParams(params, config.conversion),
      databaseFolder: config.database === undefined ? config.dataFolder : undefined,
      ...config,
      dataAddresses,
    });
    opened.push({ close: () => loader.close() });
    await fastify.register(app, {
      pool,
      loader,
      metrics,
      conversion: config.conversion,
      loadableTypes: config.loadableTypes,
      rootClient: config.rootClient,
    });
    fastify.addHook('preClose', async () => {
      loader.refuseCalls();
      // Those who wait for a listing are answered before their connections are closed.
      await setImmediate();
    });
    opened.push({ close: async () => await fastify.close() });
    const url = await fastify.listen({ host: config.host, port: config.port }).catch((error: unknown) => {
      throw explainListen(error, config);
    });
    loader.lookAfterWatches();
    if (config.rootClient === undefined)
      log.warn('BOX_ROOT_CLIENT_SECRET is not set: anybody on this machine may call');
    log.info(`POST ${url}/rpc`);
    const ready = async () => {
      try {
        await loader.ready();
      } catch (error) {
        // One that closes ends its threads.
        if (opened.length > 0) throw explainThreads(error);
      }
    };
    return { url, database, log, ready, close, logged: () => stream.settled() };
  } catch (error) {
    await close();
    throw explainPermissions(error);
  }
}

/** @returns how many migrations were applied */
async function openDatabase(database: DatabaseAddress): Promise<number> {
  try {
    await refuseTransactionPooling(database);
    return await migrate(database);
  } catch (error) {
    throw explainDatabase(error, database);
  }
}
