import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Closing } from './last-first.ts';
import type { S3Account, S3Endpoint } from './s3-endpoint.ts';
import { errorXml, type FaultRule, type S3Fault, type SeenRequest } from './s3-fault.ts';

/** An HTTP proxy in front of an S3 endpoint that makes faults as its rule says. */
export class S3FaultProxy {
  /** What goes wrong; may be replaced at any time. */
  rule: FaultRule = () => undefined;
  /** Every request so far, in order. */
  readonly requests: SeenRequest[] = [];
  /** Those whose answer has been sent to its end. */
  readonly answered: SeenRequest[] = [];
  /** Faults made, by kind. */
  readonly made: Record<string, number> = {};

  readonly #endpoint: S3Endpoint;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #nth = new Map<string, number>();
  readonly #whole: S3Client;
  #port = 0;

  private constructor(endpoint: S3Endpoint) {
    this.#endpoint = endpoint;
    this.#whole = clientOf(endpoint.account);
    this.#server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => incoming.socket.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Listens on a free port of 127.0.0.1 and closes after `t`. */
  static async start(t: Closing, endpoint: S3Endpoint): Promise<S3FaultProxy> {
    const proxy = new S3FaultProxy(endpoint);
    await proxy.listen();
    t.after(() => proxy.close());
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The endpoint's account, with this proxy as its host. */
  get account(): S3Account {
    return { ...this.#endpoint.account, host: this.url };
  }

  /** Connections that clients hold open. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Reads of an object so far. */
  readsOf(key: string): SeenRequest[] {
    return this.requests.filter((seen) => seen.method === 'GET' && seen.key === key);
  }

  /** Listens (again, on the same port). */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Connections are refused until `listen`, and those open are reset. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async close(): Promise<void> {
    await this.refuse();
    this.#agent.destroy();
    this.#whole.destroy();
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const seen = this.#see(incoming);
    outgoing.once('finish', () => this.answered.push(seen));
    const { rule } = this;
    const fault = rule(seen);
    // A body shorter than the fault's place comes whole: that one is counted when it is made.
    if (fault !== undefined && !('afterBytes' in fault)) this.#count(fault);
    switch (fault?.kind) {
      case 'no-answer':
        return;
      case 'hang-up':
        incoming.socket.resetAndDestroy();
        return;
      case 'error':
        outgoing
          .writeHead(fault.status, { 'content-type': 'application/xml' })
          .end(incoming.method === 'HEAD' ? undefined : errorXml(fault.code, seen.key));
        return;
      case 'ignore-range':
        await this.#answerWhole(seen, outgoing);
        return;
      case 'first':
        await fault.run();
    }
    await this.#forward(incoming, outgoing, fault, () => this.rule === rule);
  }

  #see({ method = '', url = '/', headers }: IncomingMessage): SeenRequest {
    const { pathname, searchParams } = new URL(url, this.url);
    const prefix = searchParams.get('prefix') ?? undefined;
    const [bucket = '', ...key] = decodeURIComponent(pathname).slice(1).split('/');
    const name = `${method} ${bucket}/${key.join('/')}`;
    const nth = (this.#nth.get(name) ?? 0) + 1;
    this.#nth.set(name, nth);
    const { range, 'if-match': ifMatch } = headers;
    const seen = { method, bucket, key: key.join('/'), prefix, range, ifMatch, nth };
    this.requests.push(seen);
    return seen;
  }

  /** The headers go through as they are, `host` included: the request's signature covers them. */
  async #forward(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    fault: S3Fault | undefined,
    lasts: () => boolean,
  ): Promise<void> {
    const forwarded = request(new URL(incoming.url ?? '/', this.#endpoint.url), {
      method: incoming.method,
      headers: incoming.headers,
      agent: this.#agent,
    });
    incoming.pipe(forwarded);
    outgoing.on('close', () => forwarded.destroy());
    const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
    const headers = { ...answer.headers };
    if (fault?.kind === 'end-early') delete headers['content-length'];
    outgoing.writeHead(answer.statusCode ?? 502, headers);
    outgoing.flushHeaders();
    if (await sendBody(answer, outgoing, fault, lasts)) this.#count(fault);
  }

  #count(fault: S3Fault | undefined): void {
    if (fault !== undefined) this.made[fault.kind] = (this.made[fault.kind] ?? 0) + 1;
  }

  /** Read with a request of its own, since the client's signature covers its `Range`. */
  async #answerWhole({ bucket, key }: SeenRequest, outgoing: ServerResponse): Promise<void> {
    const { Body, ETag, ContentLength } = await this.#whole.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    if (!(Body instanceof Readable)) throw new Error('no body');
    outgoing.writeHead(200, { etag: ETag ?? '', 'content-length': ContentLength ?? 0 });
    await sendBody(Body, outgoing, undefined, () => true);
  }
}

/**
 * @param lasts whether the rule that made the fault still stands
 * @returns whether the body was broken off
 */
async function sendBody(
  body: Readable,
  outgoing: ServerResponse,
  fault: S3Fault | undefined,
  lasts: () => boolean,
): Promise<boolean> {
  const limit = fault !== undefined && 'afterBytes' in fault ? fault.afterBytes : Number.POSITIVE_INFINITY;
  let sent = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const wanted = chunk.subarray(0, Math.min(chunk.length, limit - sent));
    if (fault?.kind === 'trickle') await trickle(outgoing, wanted, fault, lasts);
    else await write(outgoing, wanted);
    sent += wanted.length;
    if (outgoing.destroyed) return false;
    if (sent < limit) continue;
    breakOff(outgoing, fault);
    return true;
  }
  outgoing.end();
  return false;
}

function breakOff(outgoing: ServerResponse, fault: S3Fault | undefined): void {
  if (fault?.kind === 'reset') outgoing.socket?.resetAndDestroy();
  else if (fault?.kind === 'truncate') outgoing.socket?.end();
  else if (fault?.kind === 'end-early') outgoing.end();
}

async function trickle(
  outgoing: ServerResponse,
  bytes: Buffer,
  { chunkBytes, everyMs }: { chunkBytes: number; everyMs: number },
  lasts: () => boolean,
): Promise<void> {
  let at = 0;
  for (; at < bytes.length && !outgoing.destroyed && lasts(); at += chunkBytes) {
    await write(outgoing, bytes.subarray(at, at + chunkBytes));
    await delay(everyMs);
  }
  await write(outgoing, bytes.subarray(at));
}

/** Resolves when the bytes are on their way, or the client is gone. */
async function write(outgoing: ServerResponse, bytes: Buffer): Promise<void> {
  if (outgoing.destroyed || bytes.length === 0) return;
  await new Promise<void>((resolve) => {
    outgoing.once('close', resolve);
    outgoing.write(bytes, () => {
      outgoing.off('close', resolve);
      resolve();
    });
  });
}

function clientOf(account: S3Account): S3Client {
  return new S3Client({
    endpoint: account.host,
    region: account.region,
    forcePathStyle: true,
    credentials: { accessKeyId: account['access-key-id'], secretAccessKey: account['secret-access-key'] },
  });
}
