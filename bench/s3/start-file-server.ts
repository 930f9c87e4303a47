import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A running S3 endpoint of the bench. */
export interface FileServer {
  readonly pid: number;
  /** `account` of a `load-from-bucket` call. */
  readonly account: Readonly<Record<'host' | 'region' | 'access-key-id' | 'secret-access-key', string>>;
  /** How many it has had so far. */
  requests(): Promise<number>;
  close(): void;
}

/** Starts the S3 file server in a process of its own; it also ends when this one does. */
export async function startFileServer(folder: string): Promise<FileServer> {
  return await startS3Program('./file-server.ts', [folder]);
}

/** @param program of this folder; it sends its port, and for each message how many requests it has had */
export async function startS3Program(program: string, args: readonly string[]): Promise<FileServer> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args);
  const [port] = await once(child, 'message');
  return {
    pid: child.pid ?? 0,
    account: {
      host: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      'access-key-id': 'bench',
      'secret-access-key': 'bench',
    },
    async requests() {
      child.send('requests');
      const [message] = await once(child, 'message');
      return message.requests;
    },
    close: () => void child.kill(),
  };
}
