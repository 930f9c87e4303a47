import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Closing } from './last-first.ts';
import type { S3Account } from './s3-endpoint.ts';
import { errorXml } from './s3-fault.ts';

/** An object that the store keeps. */
export interface OddObject {
  key: string;
  body: Buffer;
  /** As spelled in answers. */
  etag: string;
  lastModified: Date;
  /** Further headers of its answers. */
  headers: Record<string, string>;
}

/** An answer to GetObject before it is sent. */
export interface OddAnswer {
  status: number;
  /** A header of value undefined is not sent. */
  headers: Record<string, string | undefined>;
  body: Buffer;
  /** The connection is reset after so many bytes of the body; at the body's whole length it is closed instead. */
  breakAfter?: number;
  /** After so many bytes of the body the rest waits for a promise. */
  hold?: { after: number; until: Promise<void> };
}

/** An object as a page of a listing has it; an element of value undefined is left out. */
export type ListedElements = Record<'Key' | 'Size' | 'ETag' | 'LastModified', string | undefined>;

/** A page of a listing before it is sent. */
export interface OddPage {
  contents: ListedElements[];
  /** Further elements of the page; those of value undefined are left out. */
  elements: Record<string, string | undefined>;
}

export interface OddGet {
  object: OddObject;
  headers: IncomingHttpHeaders;
  /** Where the range asked for begins. */
  from: number | undefined;
  /** Where it ends: its last byte; undefined for the object's. */
  to: number | undefined;
  /** Reads of this object so far, this one included. */
  nth: number;
}

/**
 * A small S3 store over HTTP that behaves well by itself: GetObject with `Range` and `If-Match`, ListObjects of either
 * version. Its hooks change single answers into what other stores were seen to give. It checks no signature.
 */
export class OddS3Server {
  readonly objects = new Map<string, OddObject>();
  /** Most objects of a page. */
  pageSize = 1000;
  /** Changes an answer to GetObject in place, or gives another. */
  onGet: (answer: OddAnswer, request: OddGet) => OddAnswer | undefined = () => undefined;
  /** Called when the connection of a read is closed, or its answer sent. */
  onClose: (key: string) => void = () => {};
  /** Changes a page of a listing; `query` is what was asked. */
  onList: (page: OddPage, query: URLSearchParams) => void = () => {};
  /** Whether listings know version 2: otherwise `list-type`, `start-after` and `continuation-token` are ignored. */
  knowsListV2 = true;
  /** Changes what a listing is asked for. */
  onQuery: (query: URLSearchParams) => void = () => {};
  /** Listings that are answered with 501. */
  refuses: (query: URLSearchParams) => boolean = () => false;
  /** The order that listings are in. */
  order: (a: string, b: string) => number = byBytes;
  /** Every request so far: method, path with query. */
  readonly requests: { method: string; path: string; headers: IncomingHttpHeaders }[] = [];

  readonly #reads = new Map<string, number>();
  #url = '';

  private constructor() {}

  /** Listens on a free port of 127.0.0.1 and closes after `t`. */
  static async start(t: Closing): Promise<OddS3Server> {
    const store = new OddS3Server();
    const server = createServer((request, response) => {
      const { method = '', url = '/', headers } = request;
      store.requests.push({ method, path: url, headers });
      const { pathname, searchParams } = new URL(url, 'http://store');
      const [, ...key] = decodeURIComponent(pathname).slice(1).split('/');
      if (key.join('/') === '') store.#list(searchParams, response);
      else store.#get(key.join('/'), headers, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    store.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return store;
  }

  get url(): string {
    return this.#url;
  }

  get account(): S3Account {
    return { host: this.url, 'access-key-id': 'id', 'secret-access-key': 'secret', region: 'us-east-1' };
  }

  /** Keeps an object, in the place of one of the same key. */
  put(key: string, body: Buffer | string, more: Partial<OddObject> = {}): OddObject {
    const bytes = Buffer.from(body);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const object = { key, body: bytes, etag, lastModified: new Date('2026-03-01T10:00:00Z'), headers: {}, ...more };
    this.objects.set(key, object);
    return object;
  }

  /** Paths of the reads of an object, or with no key of the listings. */
  requestsOf(key: string): { path: string; headers: IncomingHttpHeaders }[] {
    return this.requests.filter(({ path }) => {
      const [, ...of] = decodeURIComponent(new URL(path, 'http://store').pathname).slice(1).split('/');
      return of.join('/') === key;
    });
  }

  #get(key: string, headers: IncomingHttpHeaders, response: ServerResponse): void {
    const object = this.objects.get(key);
    if (object === undefined) {
      sendError(response, 404, 'NoSuchKey');
      return;
    }
    response.on('close', () => this.onClose(key));
    const nth = (this.#reads.get(key) ?? 0) + 1;
    this.#reads.set(key, nth);
    const [, first, last = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
    const from = first === undefined ? undefined : Number(first);
    const to = last === '' ? undefined : Number(last);
    const well = answerWell(object, headers, from, to);
    send(response, this.onGet(well, { object, headers, from, to, nth }) ?? well);
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    if (this.refuses(query)) {
      sendError(response, 501, 'NotImplemented');
      return;
    }
    this.onQuery(query);
    const prefix = query.get('prefix') ?? '';
    const v2 = this.knowsListV2 && query.get('list-type') === '2';
    const after = v2
      ? (query.get('continuation-token') ?? query.get('start-after') ?? '')
      : (query.get('marker') ?? '');
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort(this.order);
    const rest = keys.filter((key) => this.order(key, after) > 0);
    const listed = rest.slice(0, this.pageSize);
    const isTruncated = rest.length > listed.length;
    const encoded = query.get('encoding-type') === 'url';
    const page: OddPage = {
      contents: listed.flatMap((key) => {
        const object = this.objects.get(key);
        if (object === undefined) return [];
        return [
          {
            Key: encoded ? encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+') : key,
            Size: String(object.body.length),
            ETag: object.etag,
            LastModified: object.lastModified.toISOString(),
          },
        ];
      }),
      elements: {
        Name: 'bucket',
        Prefix: prefix,
        MaxKeys: String(this.pageSize),
        EncodingType: encoded ? 'url' : undefined,
        IsTruncated: String(isTruncated),
        ...(v2
          ? { KeyCount: String(listed.length), NextContinuationToken: isTruncated ? listed.at(-1) : undefined }
          : { Marker: after }),
      },
    };
    this.onList(page, query);
    response.writeHead(200, { 'content-type': 'application/xml' }).end(toXml(page));
  }
}

function answerWell(object: OddObject, headers: IncomingHttpHeaders, from?: number, to?: number): OddAnswer {
  const { body, etag, lastModified } = object;
  const common = { etag, 'last-modified': lastModified.toUTCString(), ...object.headers };
  const wanted = headers['if-match'];
  if (wanted !== undefined && wanted !== etag && wanted !== `"${etag}"`) {
    return { status: 412, headers: {}, body: Buffer.from(errorXml('PreconditionFailed', object.key)) };
  }
  if (from === undefined) {
    return { status: 200, headers: { ...common, 'content-length': String(body.length) }, body };
  }
  const part = body.subarray(from, (to ?? body.length) + 1);
  const range = `bytes ${from}-${from + part.length - 1}/${body.length}`;
  return {
    status: 206,
    headers: { ...common, 'content-length': String(part.length), 'content-range': range },
    body: part,
  };
}

function send(response: ServerResponse, { status, headers, body, breakAfter, hold }: OddAnswer): void {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined);
  response.writeHead(status, Object.fromEntries(given) as Record<string, string>);
  if (hold !== undefined) {
    response.write(body.subarray(0, hold.after));
    hold.until.then(() => response.end(body.subarray(hold.after)));
    return;
  }
  if (breakAfter === undefined) {
    response.end(body);
    return;
  }
  response.flushHeaders();
  response.write(body.subarray(0, breakAfter), () => {
    // A reset can take bytes along that the client has not read yet.
    if (breakAfter < body.length) response.socket?.resetAndDestroy();
    else response.socket?.end();
  });
}

function sendError(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(errorXml(code, ''));
}

function toXml({ contents, elements }: OddPage): string {
  const xml = (values: Record<string, string | undefined>) =>
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `<${name}>${escapeXml(value ?? '')}</${name}>`)
      .join('');
  const objects = contents.map((each) => `<Contents>${xml(each)}</Contents>`).join('');
  return `<?xml version="1.0"?><ListBucketResult>${xml(elements)}${objects}</ListBucketResult>`;
}

/** Control characters go out as they are, as stores do that were not asked to encode keys; half a surrogate pair can only be referred to. */
function escapeXml(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return escaped.replaceAll('"', '&quot;').replaceAll(/[\ud800-\udfff]/gu, (half) => `&#${half.charCodeAt(0)};`);
}

/** S3's order of keys. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
