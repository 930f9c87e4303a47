/**
 * A TCP proxy that makes a server on this machine as far away as a store in the cloud: what a client sends takes
 * `latency` ms, on a new connection twice that (its handshake), and what comes back has so many bytes a second, each
 * connection by itself. A process of its own, started with the server's port, the latency and the rate; tells its port to the parent.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Sent at once; the bytes of a connection come in about as many pieces as from a network. */
const PIECE_BYTES = 64 * 1024;
/** Shorter pauses than timers keep are saved up, in ms. */
const LEAST_PAUSE_MS = 4;

const [port, latencyMs, bytesPerS] = process.argv.slice(2).map(Number) as [number, number, number];
const proxy = createServer({ noDelay: true }, (client) => {
  const server = connect({ port, host: '127.0.0.1', noDelay: true });
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    socket.on('error', () => {}).on('close', () => other.destroy());
  }
  sendLate(client, server);
  sendSlowly(server, client).catch(() => client.destroy());
});
proxy.listen(0, '127.0.0.1', () => process.send?.((proxy.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

/** Requests are small: they need no back-pressure. */
function sendLate(from: Socket, to: Socket): void {
  let readyAt = performance.now() + latencyMs;
  from.on('data', (chunk) => {
    const at = Math.max(performance.now(), readyAt) + latencyMs;
    // Later bytes do not overtake these, and wait no longer than their own way takes.
    readyAt = at - latencyMs;
    setTimeout(() => to.write(chunk), at - performance.now());
  });
}

async function sendSlowly(from: Socket, to: Socket): Promise<void> {
  let freeAt = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      freeAt = Math.max(freeAt, performance.now() - LEAST_PAUSE_MS) + (piece.length / bytesPerS) * 1000;
      const pauseMs = freeAt - performance.now();
      if (pauseMs > LEAST_PAUSE_MS) await delay(pauseMs);
      if (!to.write(piece)) await once(to, 'drain');
    }
  }
  to.end();
}
