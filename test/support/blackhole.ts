import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Closing } from './last-first.ts';

/** Listens, tells its port and then blocks, so that it never takes a connection. */
const listener = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });`;

/** More than the queue of a listening socket takes. */
const FILLERS = 8;

/**
 * A port of 127.0.0.1 to which no connection is ever made or refused, as behind a firewall that drops packets: its
 * queue of new connections is full.
 */
export async function startBlackhole(t: Closing): Promise<number> {
  const worker = new Worker(listener, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  const fillers = Array.from({ length: FILLERS }, () => connect({ host: '127.0.0.1', port }).on('error', () => {}));
  t.after(async () => {
    for (const filler of fillers) filler.destroy();
    await worker.terminate();
  });
  // The queue is full when some of the connections are made and others are not, for a while.
  await Promise.race(fillers.map((filler) => once(filler, 'connect')));
  await delay(300);
  return port;
}
