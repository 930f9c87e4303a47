import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import type { Closing } from './last-first.ts';

/** A way to a server that can fall silent, as a network does: nothing arrives any more, in either direction, and nothing is closed. */
export class SilentLink {
  readonly #server: Server;
  readonly #target: NetConnectOpts;
  readonly #sockets = new Set<Socket>();
  #isSilent = false;

  private constructor(target: NetConnectOpts) {
    this.#target = target;
    // An end that comes while the other side still has something to say is passed on by itself.
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
  }

  /** Listens on a free port of 127.0.0.1 and closes after `t`. */
  static async start(t: Closing, target: NetConnectOpts): Promise<SilentLink> {
    const link = new SilentLink(target);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    t.after(async () => {
      link.#server.close();
      for (const socket of link.#sockets) socket.destroy();
    });
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing arrives; new connections are taken, and nothing of them arrives either. */
  silence(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was sent meanwhile arrives late, ends of connections too. */
  restore(): void {
    this.#isSilent = false;
    for (const socket of this.#sockets) socket.resume();
  }

  #join(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true });
    this.#forward(client, server);
    this.#forward(server, client);
  }

  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      if (to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => {
        if (!this.#isSilent) from.resume();
      });
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
    if (this.#isSilent) from.pause();
  }
}
