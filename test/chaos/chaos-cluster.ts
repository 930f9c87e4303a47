import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import type { Closing } from '../support/last-first.ts';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { type S3Endpoint, startS3Endpoint } from '../support/s3-endpoint.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { type RpcAnswer, ServerProcess } from '../support/server-process.ts';
import { createChaosTables } from './chaos-tables.ts';
import { logLoaderFiles } from './watched/loader-file-log.ts';

const START_ATTEMPTS = 5;

/** Postgres itself is killed, never the machine: what is in the page cache is safe. */
const settings = { fsync: 'off', full_page_writes: 'off', max_wal_size: '1GB', shared_buffers: '128MB' };

/** All that a chaos run breaks: an own Postgres, a store behind a fault proxy, three replicas of the server. */
export class ChaosCluster {
  readonly postgres: EmbeddedPostgres;
  /** What the replicas' connections go by. */
  readonly postgresProxy: PostgresProxy;
  readonly pool: pg.Pool;
  readonly s3: S3Endpoint;
  readonly proxy: S3FaultProxy;
  readonly replicas: ServerProcess[] = [];

  readonly #closing: Closing;
  readonly #databaseUrl: string;

  private constructor(
    closing: Closing,
    postgres: EmbeddedPostgres,
    postgresProxy: PostgresProxy,
    s3: S3Endpoint,
    proxy: S3FaultProxy,
  ) {
    this.#closing = closing;
    this.#databaseUrl = postgresProxy.url;
    this.postgres = postgres;
    this.postgresProxy = postgresProxy;
    this.s3 = s3;
    this.proxy = proxy;
    this.pool = new pg.Pool({ ...postgres.connection, application_name: 'chaos', max: 6 });
    this.pool.on('error', () => {});
    // One that is in use when Postgres goes down fails its statement, and must not end the run.
    this.pool.on('connect', (client) => client.on('error', () => {}));
    closing.after(() => this.pool.end());
  }

  /** Starts everything; `closing` closes it, last first. */
  static async start(closing: Closing, replicas: number): Promise<ChaosCluster> {
    const dataFolder = await mkdtemp(join(process.getuid?.() === 0 ? '/tmp' : tmpdir(), 'chaos-'));
    closing.after(() => rm(dataFolder, { recursive: true, force: true }));
    await chmod(dataFolder, 0o755);
    const postgres = await startEmbeddedPostgres({ dataFolder, settings });
    closing.after(() => postgres.stop());
    const postgresProxy = await PostgresProxy.start(closing, postgres.connection);
    const s3 = await startS3Endpoint(closing);
    const proxy = await S3FaultProxy.start(closing, s3);
    const cluster = new ChaosCluster(closing, postgres, postgresProxy, s3, proxy);
    const started = Array.from({ length: replicas }, () => cluster.#spawn());
    for (const replica of started) await replica.listening();
    cluster.replicas.push(...started);
    await createChaosTables(cluster.pool);
    await logLoaderFiles(cluster.pool);
    return cluster;
  }

  /** Starts a replica in the place of one that ended. Two faults may do that at once: none is left that nobody knows of. */
  async replace(place: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.#runs(place)) return;
      const replica = this.#spawn();
      try {
        await replica.listening();
        if (this.#runs(place)) return await replica.kill();
        this.replicas[place] = replica;
        return;
      } catch (error) {
        await replica.kill();
        // Postgres may be down as well.
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  /** Starts a replica for each that does not run. */
  async replaceDead(): Promise<void> {
    await Promise.all(this.replicas.map((replica, place) => (replica.running ? undefined : this.replace(place))));
  }

  /** Calls one replica; undefined when it cannot be reached. */
  async rpc(place: number, method: string, params: object): Promise<RpcAnswer | undefined> {
    return await this.replicas[place]?.rpc(method, params).catch(() => undefined);
  }

  /** Calls one replica after the other until one answers. */
  async anyReplica(method: string, params: object): Promise<void> {
    for (const place of this.replicas.keys()) {
      const answer = await this.rpc(place, method, params);
      if (answer !== undefined && answer.status < 500) return;
    }
  }

  #runs(place: number): boolean {
    return this.replicas[place]?.running === true;
  }

  #spawn(): ServerProcess {
    const { account } = this.proxy;
    return ServerProcess.spawn(this.#closing, {
      databaseUrl: this.#databaseUrl,
      env: {
        LOADER_THREADS: '1',
        LOADER_SHUTDOWN_GRACE_MS: '1000',
        // A watch that outlives its replica has the credentials of the server.
        AWS_ACCESS_KEY_ID: account['access-key-id'],
        AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
        AWS_REGION: account.region,
        AWS_ENDPOINT_URL_S3: account.host,
      },
    });
  }
}
