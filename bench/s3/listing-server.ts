/**
 * A simulated S3 bucket of very many small objects, each page of whose listing takes a while. A process of its own, started with
 * the number of objects and the time of a page in ms; tells its port to the parent process, and how many requests it had.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

const PAGE = 1000;
const TIME = new Date('2026-01-01T00:00:00Z');

const [count, pageMs] = process.argv.slice(2).map(Number) as [number, number];
const keyOf = (n: number) => `fhir/2026/Patient.${String(n).padStart(9, '0')}.ndjson.gz`;
const bodyOf = (n: number) => gzipSync(`{"resourceType":"Patient","id":"p-${n}","active":true}\n`);

let requests = 0;
const server = createServer((request, response) => {
  requests++;
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const key = decodeURIComponent(pathname).split('/').slice(2).join('/');
  if (key === '') void delay(pageMs).then(() => list(response, searchParams));
  else send(response, numberAfter(key) - 1);
}).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('message', () => process.send?.({ requests }));
process.on('disconnect', () => process.exit());

/** Number of the first object whose key comes after `key`. */
function numberAfter(key: string): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(middle) > key) high = middle;
    else low = middle + 1;
  }
  return low;
}

function list(response: ServerResponse, query: URLSearchParams): void {
  const first = numberAfter(query.get('continuation-token') ?? query.get('start-after') ?? '');
  const length = Math.min(PAGE, count - first);
  const size = bodyOf(0).length;
  const contents = Array.from({ length }, (_, n) => {
    const key = keyOf(first + n);
    return (
      `<Contents><Key>${key}</Key><LastModified>${TIME.toISOString()}</LastModified><ETag>&quot;${etagOf(first + n)}&quot;</ETag>` +
      `<Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`
    );
  });
  const isMore = first + length < count;
  const next = isMore ? `<NextContinuationToken>${keyOf(first + length - 1)}</NextContinuationToken>` : '';
  response
    .writeHead(200, { 'content-type': 'application/xml' })
    .end(
      `<?xml version="1.0"?><ListBucketResult><Name>bucket</Name><KeyCount>${length}</KeyCount><MaxKeys>${PAGE}</MaxKeys>` +
        `<IsTruncated>${isMore}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    );
}

function send(response: ServerResponse, n: number): void {
  const body = bodyOf(n);
  response
    .writeHead(200, { etag: `"${etagOf(n)}"`, 'content-length': body.length, 'last-modified': TIME.toUTCString() })
    .end(body);
}

function etagOf(n: number): string {
  return n.toString(16).padStart(32, '0');
}
