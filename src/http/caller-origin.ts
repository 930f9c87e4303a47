import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ClientError } from '../errors/client-error.ts';
import { isLoopback } from './loopback.ts';

export interface CallerOriginOptions {
  /** Without a secret: only names that mean this machine are answered to. */
  loopbackHostsOnly: boolean;
}

/**
 * Refuses what a browser sends for a page of somebody else's. A page's own requests name it in `Origin`; browsers say
 * `Sec-Fetch-Site: cross-site` of others. Where no secret protects the server, a page can still make its own name
 * resolve to this machine (DNS rebinding): its requests then carry that name as `Host`, and are answered 421.
 */
export function refuseForeignPages(app: FastifyInstance, { loopbackHostsOnly }: CallerOriginOptions): void {
  app.addHook('onRequest', async (request) => {
    if (request.headers.host === undefined && request.raw.httpVersion !== '1.0')
      throw new ClientError('invalid-request', 'The request has no Host header.');
    if (loopbackHostsOnly && !isLoopback(hostname(request.headers.host))) {
      throw new ClientError(
        'misdirected',
        'Without BOX_ROOT_CLIENT_SECRET the server answers only to localhost, 127.0.0.1 and [::1]. Set a secret to use another name.',
      );
    }
    if (isOfForeignPage(request)) throw new ClientError('foreign-origin', 'Pages of other sites may not call.');
  });
}

function isOfForeignPage({ headers, method, url }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site') {
    // A link to the live page may stand anywhere: following it shows the page to its own reader only.
    const followsLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
    return !(followsLink && method === 'GET' && url === '/');
  }
  const { origin } = headers;
  if (origin === undefined || site === 'same-origin') return false;
  // A proxy in front may have another name for the server; no page can set this header without asking first.
  const forwarded = headers['x-forwarded-host'];
  const own = [headers.host, ...[forwarded ?? []].flat()];
  return !URL.canParse(origin) || !own.includes(new URL(origin).host);
}

/** The name in a `Host` header; empty when the header is absent or holds anything besides a name and a port. */
function hostname(host: string | undefined): string {
  const url = `http://${host ?? ''}`;
  if (host === undefined || !URL.canParse(url)) return '';
  const parsed = new URL(url);
  const given = host.toLowerCase();
  return given === parsed.host || given === `${parsed.host}:80` ? parsed.hostname : '';
}
