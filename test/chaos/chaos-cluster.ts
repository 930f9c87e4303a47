import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import type { Closing } from '../support/last-first.ts';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { type S3Account, type S3Endpoint, startS3Endpoint } from '../support/s3-endpoint.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { type RpcAnswer, ServerProcess } from '../support/server-process.ts';
import { SilentLink } from '../support/silent-link.ts';
import { urlFromConnection } from '../support/test-server-address.ts';
import { createChaosTables } from './chaos-tables.ts';
import { logLoaderFiles } from './watched/loader-file-log.ts';

const START_ATTEMPTS = 5;

/** Postgres itself is killed, never the machine: what is in the page cache is safe. */
const settings = { fsync: 'off', full_page_writes: 'off', max_wal_size: '1GB', shared_buffers: '128MB' };

/** By how much the clocks of replicas are off, in ms. */
const CLOCKS = [0, 3_600_000, -3_600_000];
const SHIFTED_CLOCK = new URL('../support/shifted-clock.ts', import.meta.url).href;

/** What a replica's connections go by first. */
interface Links {
  postgres: SilentLink;
  s3: SilentLink;
}

/** All that a chaos run breaks: an own Postgres, a store behind a fault proxy, three replicas of the server. */
export class ChaosCluster {
  readonly postgres: EmbeddedPostgres;
  /** What the replicas' connections go by. */
  readonly postgresProxy: PostgresProxy;
  readonly pool: pg.Pool;
  readonly s3: S3Endpoint;
  readonly proxy: S3FaultProxy;
  readonly replicas: ServerProcess[] = [];
  /** By place. */
  readonly links: readonly Links[];

  readonly #closing: Closing;

  private constructor(
    closing: Closing,
    postgres: EmbeddedPostgres,
    postgresProxy: PostgresProxy,
    s3: S3Endpoint,
    proxy: S3FaultProxy,
    links: readonly Links[],
  ) {
    this.#closing = closing;
    this.links = links;
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
    const links: Links[] = [];
    while (links.length < replicas) {
      links.push({
        postgres: await SilentLink.start(closing, { port: postgresProxy.connection.port, host: '127.0.0.1' }),
        s3: await SilentLink.start(closing, { port: Number(new URL(proxy.url).port), host: '127.0.0.1' }),
      });
    }
    const cluster = new ChaosCluster(closing, postgres, postgresProxy, s3, proxy, links);
    const started = links.map((_, place) => cluster.#spawn(place));
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
      const replica = this.#spawn(place);
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

  /** The account by which a replica reads the store. */
  accountOf(place: number): S3Account {
    return { ...this.proxy.account, host: `http://127.0.0.1:${this.#linksOf(place).s3.port}` };
  }

  #linksOf(place: number): Links {
    const links = this.links[place];
    if (links === undefined) throw new RangeError(`there is no replica ${place}`);
    return links;
  }

  #runs(place: number): boolean {
    return this.replicas[place]?.running === true;
  }

  #spawn(place: number): ServerProcess {
    const account = this.accountOf(place);
    const clock = CLOCKS[place % CLOCKS.length] ?? 0;
    return ServerProcess.spawn(this.#closing, {
      databaseUrl: urlFromConnection({ ...this.postgresProxy.connection, port: this.#linksOf(place).postgres.port }),
      env: {
        LOADER_THREADS: '1',
        LOADER_SHUTDOWN_GRACE_MS: '1000',
        // A watch that outlives its replica has the credentials of the server.
        AWS_ACCESS_KEY_ID: account['access-key-id'],
        AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
        AWS_REGION: account.region,
        AWS_ENDPOINT_URL_S3: account.host,
        ...(clock === 0 ? {} : { NODE_OPTIONS: `--import=${SHIFTED_CLOCK}`, SHIFTED_CLOCK_MS: String(clock) }),
      },
    });
  }
}
