import Fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import { app } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { pathOptions } from '../../src/http/error-handler.ts';
import { requestLogOptions } from '../../src/http/request-log.ts';
import { LoaderService } from '../../src/load/loader-service.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { connectionOptions, type DatabaseAddress } from '../../src/store/connection-options.ts';
import { AttemptRecovery } from '../../src/target/attempt-recovery.ts';
import type { Closing } from './last-first.ts';

/** Nobody listens there: what asks the database fails at once. */
const NOWHERE = { host: '127.0.0.1', port: 1, user: 'nobody', database: 'none' };

/**
 * The whole app without a database and without a port, for `inject`: what is refused or answered before the database is
 * asked. Closes after `t`.
 * @param env settings, as for `startTestServer`
 * @param attached a database to ask all the same, and what takes the log's lines
 */
export async function createDetachedApp(
  t: Closing,
  env: Readonly<Record<string, string>> = {},
  { address = NOWHERE, logged }: { address?: DatabaseAddress; logged?: unknown[] } = {},
): Promise<FastifyInstance> {
  const config = readConfig({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', ...env });
  const logger = logged && { stream: { write: (line: string) => void logged.push(JSON.parse(line)) } };
  const fastify = Fastify({
    bodyLimit: 1024 * 1024,
    ...(logger === undefined ? {} : { logger }),
    ...requestLogOptions(),
    ...pathOptions(),
  });
  const pool = new pg.Pool(connectionOptions(address));
  const recovery = new AttemptRecovery(pool, fastify.log);
  const loader = new LoaderService({
    readCall: () => {
      throw new Error('no bucket is watched');
    },
    ...config,
    address,
    dataAddresses: [],
    pool,
    buildPool: pool,
    log: fastify.log,
    recovery,
  });
  t.after(async () => {
    await fastify.close();
    await loader.close();
    await pool.end();
  });
  await fastify.register(app, {
    pool,
    loader,
    metrics: new Metrics(pool),
    conversion: config.conversion,
    loadableTypes: config.loadableTypes,
    rootClient: config.rootClient,
  });
  return fastify;
}
