import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Closing } from './last-first.ts';
import type { S3Account } from './s3-endpoint.ts';

export interface HostileStore {
  account: S3Account;
  /** Requests so far, as `<method> <url>`. */
  requests: string[];
  /** Bytes that the client's side has taken, or that wait in the kernel's buffers. */
  sent(): number;
  openSockets(): number;
}

/** A store that answers as `answer` does: without end, with lies, slowly. Closed after the test. */
export async function startHostileStore(
  t: Closing,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HostileStore> {
  const requests: string[] = [];
  let sent = 0;
  let openSockets = 0;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
    response.on('error', () => {});
  });
  server.on('connection', (socket) => {
    openSockets++;
    socket.on('error', () => {});
    socket.on('close', () => {
      openSockets--;
      sent += socket.bytesWritten;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return {
    account: {
      host: `http://127.0.0.1:${port}`,
      'access-key-id': 'tester',
      'secret-access-key': 'tester-secret',
      region: 'us-east-1',
    },
    requests,
    sent: () => sent,
    openSockets: () => openSockets,
  };
}

/** Writes the same text for as long as anybody reads it. */
export function writeWithoutEnd(response: ServerResponse, text: string): void {
  const chunk = text.repeat(Math.ceil(65_536 / text.length));
  const more = () => {
    while (!response.destroyed) if (!response.write(chunk)) return;
  };
  response.on('drain', more);
  more();
}

/** A page of a listing of these keys, which goes on where a token is given. */
export function listingPage(keys: readonly string[], token?: string, size = 10): string {
  const contents = keys.map(
    (key) =>
      `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"0123"</ETag>` +
      `<Size>${size}</Size></Contents>`,
  );
  const more = token === undefined ? '' : `<NextContinuationToken>${token}</NextContinuationToken>`;
  return (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>hostile</Name><IsTruncated>${token !== undefined}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`
  );
}
