import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import type { LoadableTypes } from './fhir/loadable-types.ts';
import { type RootClient, requireRootClient } from './http/auth.ts';
import { acceptBodyFormats } from './http/body-formats-plugin.ts';
import { refuseForeignPages } from './http/caller-origin.ts';
import { handleErrors } from './http/error-handler.ts';
import { healthRoute } from './http/health-route.ts';
import { metricsRoute } from './http/metrics-route.ts';
import { openRpcRoute } from './http/openrpc-route.ts';
import { pageRoutes } from './http/page/page-routes.ts';
import { readyRoute } from './http/ready-route.ts';
import { logRequests } from './http/request-log.ts';
import { resourceRoutes } from './http/resource-routes.ts';
import { rpcRoute } from './http/rpc-route.ts';
import type { LoaderService } from './load/loader-service.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { ConversionDefaults } from './rpc/rpc-method.ts';

export interface AppDeps {
  pool: pg.Pool;
  loader: LoaderService;
  metrics: Metrics;
  conversion: ConversionDefaults;
  /** Which resource types files may be loaded into. */
  loadableTypes: LoadableTypes;
  /** Who may call; undefined lets anybody (the server then listens on loopback only). */
  rootClient?: RootClient | undefined;
}

/** Puts every route on a Fastify instance; starting, listening and closing are the caller's. */
export async function app(
  fastify: FastifyInstance,
  { pool, loader, metrics, conversion, loadableTypes, rootClient }: AppDeps,
): Promise<void> {
  logRequests(fastify);
  handleErrors(fastify);
  await acceptBodyFormats(fastify);
  refuseForeignPages(fastify, { loopbackHostsOnly: rootClient === undefined });
  await fastify.register(helmet);
  healthRoute(fastify);
  readyRoute(fastify, pool);
  await fastify.register(async (guarded) => {
    if (rootClient !== undefined) await requireRootClient(guarded, rootClient, () => metrics.onFailedLogin());
    rpcRoute(guarded, { loader, conversion }, rootClient?.id);
    resourceRoutes(guarded, { pool, loadableTypes });
    metricsRoute(guarded, metrics);
    openRpcRoute(guarded);
    pageRoutes(guarded, loader.queries);
  });
}
