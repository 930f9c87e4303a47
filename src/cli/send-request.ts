import { text } from 'node:stream/consumers';

// An `import` of `node:http` has Node look at all that it exports, one of which loads undici; `serve` would keep it.
const { request: requestHttp } = process.getBuiltinModule('node:http');
const { request: requestHttps } = process.getBuiltinModule('node:https');

export interface HttpRequest {
  method?: string;
  body?: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/** How often an idle connection is probed, in ms, so that nothing on the way takes it for dead. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Sends a request and waits for its answer as long as it takes, which for a dry run may be hours: `fetch` gives up after five
 * minutes without headers. Follows no redirect.
 * @throws what the system says of the connection; the signal's reason
 */
export async function sendRequest(
  url: URL,
  { method = 'GET', body = '', headers = {}, signal }: HttpRequest,
): Promise<{ status: number; text: string }> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const length = { 'content-length': String(Buffer.byteLength(body)) };
  const options = {
    method,
    headers: { ...headers, ...length },
    agent: false,
    ...(signal === undefined ? {} : { signal }),
  };
  const sent = send(url, options, (answer) => {
    text(answer).then((whole) => resolve({ status: answer.statusCode ?? 0, text: whole }), reject);
  });
  sent.on('error', reject);
  sent.setSocketKeepAlive(true, KEEP_ALIVE_MS);
  sent.end(body);
  return await promise;
}
