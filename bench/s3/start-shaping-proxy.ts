import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FileServer } from './start-file-server.ts';

/** What lies between the loader and its store. */
export interface NetworkShape {
  /** Of a round trip, in ms. */
  latencyMs: number;
  /** Of each connection, in MB/s. */
  megabytesPerS: number;
}

/** Starts a proxy before an S3 endpoint, in a process of its own; it also ends when this one does. */
export async function startShapingProxy(
  s3: FileServer,
  { latencyMs, megabytesPerS }: NetworkShape,
): Promise<FileServer> {
  const { port } = new URL(s3.account.host);
  const program = fileURLToPath(new URL('./shaping-proxy.ts', import.meta.url));
  const child = fork(program, [port, String(latencyMs), String(megabytesPerS * 1e6)]);
  const [ownPort] = await once(child, 'message');
  return {
    pid: child.pid ?? 0,
    account: { ...s3.account, host: `http://127.0.0.1:${ownPort}` },
    requests: () => s3.requests(),
    close: () => void child.kill(),
  };
}
