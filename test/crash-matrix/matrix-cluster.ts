import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { historyAnswer } from '../../src/rpc/history-answer.ts';
import type { Closing } from '../support/last-first.ts';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import type { ProxiedConnection } from '../support/postgres-proxy/proxied-connection.ts';
import { type S3Endpoint, startS3Endpoint } from '../support/s3-endpoint.ts';
import { type RpcAnswer, ServerProcess } from '../support/server-process.ts';
import { urlFromConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';
import { type MatrixDatabase, openMatrixCitus, startMatrixPostgres } from './matrix-database.ts';

const ENV = { LOADER_THREADS: '1', LOADER_SHUTDOWN_GRACE_MS: '1000' };

/** Longest that an owner may take to go on after a fault, in ms, before what is held arrives all the same. */
const GOES_ON_MS = 3_000;

/** A Postgres of its own, a store, and two replicas: the owner, whose connections go by the proxy, and a second one. */
export class MatrixCluster {
  readonly proxy: PostgresProxy;
  readonly s3: S3Endpoint;
  readonly #database: MatrixDatabase;
  readonly #closing: Closing;
  readonly #ownerEnv: Readonly<Record<string, string>>;
  #pool: pg.Pool;
  #owner: ServerProcess;
  #second: ServerProcess;

  private constructor(
    closing: Closing,
    parts: {
      database: MatrixDatabase;
      s3: S3Endpoint;
      proxy: PostgresProxy;
      owner: ServerProcess;
      second: ServerProcess;
      ownerEnv: Readonly<Record<string, string>>;
    },
  ) {
    this.#ownerEnv = parts.ownerEnv;
    this.#closing = closing;
    this.#database = parts.database;
    this.s3 = parts.s3;
    this.proxy = parts.proxy;
    this.#owner = parts.owner;
    this.#second = parts.second;
    this.#pool = new pg.Pool({ ...parts.database.connection, application_name: 'matrix', max: 4 });
    this.#pool.on('error', () => {});
    // One that is in use when Postgres goes down fails its statement, and must not end the run.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
    closing.after(() => this.#pool.end());
  }

  /** @param direct whether the replicas have data connections */
  static async start(closing: Closing, { direct, citus }: { direct: boolean; citus: boolean }): Promise<MatrixCluster> {
    const database = await (citus ? openMatrixCitus(closing) : startMatrixPostgres(closing));
    const { connection, workers } = database;
    const s3 = await startS3Endpoint(closing);
    const proxy = await PostgresProxy.start(closing, connection);
    const second = await ServerProcess.start(closing, {
      databaseUrl: urlFromConnection(connection),
      env: { ...ENV, LOADER_DATA_URLS: direct ? workers.map(urlFromConnection).join(',') : '' },
    });
    const byProxy = direct ? await Promise.all(workers.map((worker) => proxy.add(closing, worker))) : [];
    const ownerEnv = { ...ENV, LOADER_DATA_URLS: byProxy.join(',') };
    const owner = await ServerProcess.start(closing, { databaseUrl: proxy.url, env: ownerEnv });
    return new MatrixCluster(closing, { database, s3, proxy, owner, second, ownerEnv });
  }

  get ownerLog(): string {
    return this.#owner.output;
  }

  async sql<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.#pool.query<T>(text, values)).rows;
  }

  /** Calls load-from-bucket on the owner; what it answers is not waited for by who stops it. */
  load(bucket: string, params: object): Promise<RpcAnswer | undefined> {
    return this.#rpc(this.#owner, 'load-from-bucket', { ...params, ...this.#bucket(bucket) });
  }

  /** A call on the second replica. */
  async call(method: string, bucket: string, params: object = {}): Promise<void> {
    await this.#rpc(this.#second, method, { ...params, bucket: `s3://${bucket}` });
  }

  /** What the second replica says of the bucket. */
  async state(bucket: string): Promise<{ state?: string; message?: string }> {
    const answer = await this.#rpc(this.#second, 'load-from-bucket-status', { bucket: `s3://${bucket}` });
    return (answer?.body.result ?? {}) as { state?: string; message?: string };
  }

  /** What the second replica says of the bucket's runs. */
  async runs(bucket: string): Promise<{ run: number; state: string; files: { done: number } }[]> {
    const method = 'fhir-bucket-loader/history';
    const answer = await this.#rpc(this.#second, method, { bucket: `s3://${bucket}` });
    return historyAnswer.parse(answer?.body.result).runs;
  }

  /** What a user does whose load was interrupted: calls again, wherever. */
  async callAgain(bucket: string, params: object): Promise<void> {
    await this.#rpc(this.#second, 'load-from-bucket', { ...params, ...this.#bucket(bucket) });
  }

  async killOwner(): Promise<void> {
    await this.#owner.kill();
  }

  /** A new owner in the place of one that was killed. */
  async replaceOwner(): Promise<void> {
    if (this.#owner.running) return;
    this.#owner = await ServerProcess.start(this.#closing, { databaseUrl: this.proxy.url, env: this.#ownerEnv });
  }

  /** Restarts a node, losing what it is at: 0 is the coordinator, or the only one. */
  async restartPostgres(node = 0): Promise<void> {
    await this.#database.restart(node);
  }

  /** Until the owner has begun something new with a file, or has had time to. */
  async ownerGoesOn(): Promise<void> {
    const stop = this.proxy.stopAt({
      holds: 'request',
      matches: (_, statement) => /for update skip locked|pg_try_advisory_lock\(\('x'/.test(statement),
    });
    await Promise.race([stop.reached, delay(GOES_ON_MS)]);
    stop.release();
  }

  /** Cuts all of the owner's connections but this one. */
  cutOthers(stopped: ProxiedConnection): void {
    for (const connection of this.proxy.connections) if (connection !== stopped) connection.cut();
  }

  /** The second replica has finished the bucket, or has had time to. */
  async secondGoesOn(bucket: string, params: object): Promise<void> {
    await this.joinWithSecond(bucket, params);
    const ended = async () => (await this.state(bucket)).state === 'completed';
    await waitFor(ended, { timeoutMs: GOES_ON_MS, what: 'the end' }).catch(() => {});
  }

  /** The second replica is called, and has looked at the queue. */
  async joinWithSecond(bucket: string, params: object): Promise<void> {
    await Promise.race([this.callAgain(bucket, params), delay(GOES_ON_MS)]);
  }

  async deleteOverRest(bucket: string): Promise<void> {
    const url = `${this.#second.url}/LoaderFile?bucket=s3://${bucket}`;
    await fetch(url, { method: 'DELETE', headers: { 'x-conditional-delete': 'remove-all' } });
  }

  /** As Aidbox may do it; where the file is locked, it gives up after a moment. */
  async deleteBySql(bucket: string): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query(`set lock_timeout = '500ms'`);
      await client.query(`delete from loaderfile where resource ->> 'bucket' = $1`, [`s3://${bucket}`]).catch(() => {});
    } finally {
      client.release(true);
    }
  }

  async createTable(type: string): Promise<void> {
    const bucket = await this.s3.createBucket();
    await this.s3.putObject(bucket, `${type}.ndjson`, '');
    await this.callAgain(bucket, {});
    await waitFor(async () => (await this.state(bucket)).state === 'completed', { what: `the table of ${type}` });
  }

  #bucket(bucket: string): object {
    return { bucket: `s3://${bucket}`, account: this.s3.account };
  }

  async #rpc(server: ServerProcess, method: string, params: object): Promise<RpcAnswer | undefined> {
    return await server.rpc(method, params).catch(() => undefined);
  }
}
