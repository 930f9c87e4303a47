/**
 * A read-only S3 endpoint over a folder: every subfolder is a bucket, its `.ndjson.gz` files are the objects.
 * Run as a process of its own, it keeps the cost of serving out of what is measured, and streams files of any size
 * from disk in 1 MiB pieces. Signatures are not checked. Tells its port to the parent process.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';

const PIECE_BYTES = 1024 * 1024;
const MOST_KEYS = 1000;

const root = process.argv[2] ?? '.';
/** By folder, from the first page of a listing on: what comes after a key need not read and sort 60,000 names again. */
const sortedNames = new Map<string, readonly string[]>();
const server = createServer((request, response) => {
  answer(request, response).catch((error: NodeJS.ErrnoException) => {
    if (response.headersSent) response.destroy();
    else if (error.code === 'ENOENT') sendXml(response, 404, '<Error><Code>NoSuchKey</Code></Error>');
    else sendXml(response, 500, `<Error><Code>InternalError</Code><Message>${error.message}</Message></Error>`);
  });
});
let requests = 0;
server.on('request', () => requests++);
process.on('message', () => process.send?.({ requests }));
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [bucket = '', ...parts] = normalize(decodeURIComponent(url.pathname)).split('/').slice(1);
  const key = parts.join('/');
  if (key === '') return await list(response, bucket, url.searchParams);
  await send(request, response, join(root, bucket, key));
}

async function list(response: ServerResponse, bucket: string, query: URLSearchParams): Promise<void> {
  const folder = join(root, bucket);
  const after = query.get('continuation-token') ?? query.get('start-after');
  const names = (after === null ? undefined : sortedNames.get(folder)) ?? (await readNames(folder));
  sortedNames.set(folder, names);
  const prefix = query.get('prefix') ?? '';
  const keys = names.slice(placeAfter(names, after ?? '')).filter((name) => name.startsWith(prefix));
  const page = keys.slice(0, Math.min(MOST_KEYS, Number(query.get('max-keys') ?? MOST_KEYS)));
  const contents = [];
  for (const name of page) {
    const { size, mtime, etag } = await describe(join(folder, name));
    contents.push(
      `<Contents><Key>${name}</Key><LastModified>${mtime.toISOString()}</LastModified>` +
        `<ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${size}</Size></Contents>`,
    );
  }
  const more = page.length < keys.length;
  const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
  sendXml(
    response,
    200,
    `<ListBucketResult><Name>${bucket}</Name><KeyCount>${page.length}</KeyCount>` +
      `<IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
  );
}

async function readNames(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith('.ndjson.gz')).sort();
}

/** Number of the names that do not come after this one. */
function placeAfter(names: readonly string[], after: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function send(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const { size, mtime, etag } = await describe(path);
  const wanted = request.headers['if-match'];
  if (wanted !== undefined && wanted !== etag) {
    return sendXml(response, 412, '<Error><Code>PreconditionFailed</Code></Error>');
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = range?.[2] === undefined || range[2] === '' ? size - 1 : Math.min(size - 1, Number(range[2]));
  response.writeHead(range === null ? 200 : 206, {
    etag,
    'last-modified': mtime.toUTCString(),
    'accept-ranges': 'bytes',
    'content-type': 'application/gzip',
    'content-length': end - start + 1,
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD' || end < start) response.end();
  else await pipeline(createReadStream(path, { start, end, highWaterMark: PIECE_BYTES }), response);
}

async function describe(path: string): Promise<{ size: number; mtime: Date; etag: string }> {
  const { size, mtime } = await stat(path);
  return { size, mtime, etag: `"${mtime.getTime().toString(16)}-${size.toString(16)}"` };
}

function sendXml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`);
}
