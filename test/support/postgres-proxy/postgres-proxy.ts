import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Closing } from '../last-first.ts';
import { type TestConnection, urlFromConnection } from '../test-server-address.ts';
import { type ConnectionWatcher, ProxiedConnection } from './proxied-connection.ts';
import { Stop, type StopOptions } from './stop.ts';

/**
 * A proxy in front of Postgres that understands its messages: a test stops a connection at a statement, and cuts either
 * side of it. It encrypts nothing.
 */
export class PostgresProxy implements ConnectionWatcher {
  /** Those open on either side, in the order in which they were made. */
  readonly connections = new Set<ProxiedConnection>();

  readonly #target: TestConnection;
  readonly #server: Server;
  #stops: Stop[] = [];

  private constructor(target: TestConnection) {
    this.#target = target;
    this.#server = createServer((client) => {
      this.connections.add(new ProxiedConnection(client, connectTo(target), this));
    });
  }

  /** Listens on a free port of 127.0.0.1 and closes after `t`. */
  static async start(t: Closing, target: TestConnection): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    t.after(async () => {
      proxy.#server.close();
      for (const connection of proxy.connections) connection.destroy();
    });
    return proxy;
  }

  /** Takes connections to another server as well, which stop at the same statements. @returns its address by way of this proxy */
  async add(t: Closing, target: TestConnection): Promise<string> {
    const server = createServer((client) => {
      this.connections.add(new ProxiedConnection(client, connectTo(target), this));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(async () => {
      server.close();
    });
    return urlFromConnection({ ...target, host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  }

  /** The target's address by way of this proxy. */
  get connection(): TestConnection {
    return { ...this.#target, host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  get url(): string {
    return urlFromConnection(this.connection);
  }

  /** Stops the next connection that sends a statement which matches. */
  stopAt(options: StopOptions): Stop {
    const stop = new Stop(options);
    this.#stops.push(stop);
    return stop;
  }

  /** Releases all that is stopped, and forgets all stops. */
  releaseAll(): void {
    for (const stop of this.#stops.splice(0)) stop.release();
  }

  stopFor(connection: ProxiedConnection, statement: string): Stop | undefined {
    return this.#stops.find((stop) => stop.takes(connection, statement));
  }

  onClosed(connection: ProxiedConnection): void {
    this.connections.delete(connection);
  }
}

function connectTo({ host, port }: TestConnection): Socket {
  return host.startsWith('/') ? connect({ path: `${host}/.s.PGSQL.${port}` }) : connect({ host, port });
}
