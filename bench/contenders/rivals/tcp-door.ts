import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { DatabaseAddress } from '../../../src/store/connection-options.ts';

/** A TCP port of this machine that leads to a Postgres on a Unix socket, for tools that know no Unix socket. */
export async function openTcpDoor({ host, port }: DatabaseAddress): Promise<number> {
  const server = createServer((client) => {
    const target = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return (server.address() as AddressInfo).port;
}
