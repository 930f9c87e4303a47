import { z } from 'zod';
import { plainText } from '../text/plain-text.ts';
import { readVersion } from '../version.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { type HttpRequest, sendRequest } from './send-request.ts';

/** Where the server is, and as whom to call it. */
export interface ServerAddress {
  url: string;
  /** Undefined: the server asks for no credentials. */
  client?: { id: string; secret: string } | undefined;
}

/** The server did not do what it was asked for. */
export class ServerError extends CliError {
  /** The same call may succeed a little later. */
  readonly transient: boolean;

  constructor(message: string, transient: boolean, options?: ErrorOptions, exitCode: number = EXIT.server) {
    super(exitCode, message, options);
    this.transient = transient;
  }
}

const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  }),
});
const rpcSchema = z.object({ result: z.unknown() });

/** A file of a bucket, as REST returns it. */
const fileSchema = z.looseObject({
  file: z.string().default(''),
  type: z.string().default(''),
  size: z.number().default(0),
  status: z.string().default(''),
  loaded: z.number().optional(),
  message: z.string().optional(),
});
export type File = z.infer<typeof fileSchema>;

const bundleSchema = z.object({ entry: z.array(z.object({ resource: fileSchema })).default([]) });

/** What to do about an address that is wrong. */
const SET_ADDRESS = 'Set its address with --url or FHIR_BUCKET_LOADER_URL.';

/** Files asked for at once. */
const PAGE_SIZE = 1_000;

/** Calls a server's RPC methods and reads its resources. Every method throws ServerError when that fails. */
export class ServerClient {
  readonly #address: ServerAddress;

  constructor(address: ServerAddress) {
    this.#address = address;
  }

  /** @returns the answer's `result`, as it is */
  async rpc(method: string, params: object, signal?: AbortSignal): Promise<unknown> {
    const answer = await this.#fetch('rpc', { method: 'POST', body: JSON.stringify({ method, params }) }, signal);
    return this.#parse(rpcSchema, answer).result;
  }

  /** All loads the server knows, the latest first. */
  async loads(): Promise<unknown[]> {
    const { loads } = this.#parse(z.object({ loads: z.array(z.unknown()) }), await this.#fetch('loads', {}));
    return loads;
  }

  /** A bucket's files by key, a page at a time; of one status, if that is given. */
  async *files(bucket: string, status?: string): AsyncGenerator<File[]> {
    // A comma would part two buckets; the path of a folder may have one.
    const escaped = bucket.replace(/[\\,|$]/g, '\\$&');
    for (let page = 1; ; page++) {
      const query = new URLSearchParams({
        bucket: escaped,
        _sort: 'file',
        _count: String(PAGE_SIZE),
        _page: String(page),
      });
      if (status !== undefined) query.set('status', status);
      const { entry } = this.#parse(bundleSchema, await this.#fetch(`LoaderFile?${query}`, {}));
      if (entry.length > 0) yield entry.map(({ resource }) => resource);
      if (entry.length < PAGE_SIZE) return;
    }
  }

  async #fetch(path: string, init: HttpRequest, signal?: AbortSignal): Promise<unknown> {
    const { url, client } = this.#address;
    const credentials = client && Buffer.from(`${client.id}:${client.secret}`).toString('base64');
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': `fhir-bucket-loader/${readVersion()}`,
      ...(credentials === undefined ? {} : { authorization: `Basic ${credentials}` }),
    };
    const target = new URL(path, url.endsWith('/') ? url : `${url}/`);
    const { status, text } = await sendRequest(target, { ...init, headers, signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      if (speaksNoTls(error)) throw new ServerError(`No TLS is spoken at ${url}: write http://. ${SET_ADDRESS}`, false);
      throw new ServerError(`No server answers at ${url}: ${reasonOf(error)}. Is it running? ${SET_ADDRESS}`, true);
    });
    if (status >= 200 && status < 300) return parseJson(text);
    throw this.#refusal(status, parseJson(text));
  }

  #refusal(status: number, body: unknown): ServerError {
    const { url, client } = this.#address;
    if (status === 401) {
      const given = client === undefined ? 'wants credentials' : `does not know client ${client.id} with that secret`;
      return new ServerError(
        `The server at ${url} ${given}. Set BOX_ROOT_CLIENT_SECRET (and BOX_ROOT_CLIENT_ID, root by default).`,
        false,
      );
    }
    const parsed = errorSchema.safeParse(body);
    // 5xx also of a proxy in front of a server that restarts.
    if (!parsed.success)
      return new ServerError(`${url} answers ${status}, and not as this server does. ${SET_ADDRESS}`, status >= 500);
    const { message, errors = [] } = parsed.data.error;
    const fields = errors.map((each) => `\n  ${plainText(each.path)}: ${plainText(each.message)}`).join('');
    const exitCode = errors.length > 0 ? EXIT.usage : EXIT.server;
    return new ServerError(`The server refused: ${plainText(message)}${fields}`, status === 503, undefined, exitCode);
  }

  #parse<T>(schema: z.ZodType<T>, answer: unknown): T {
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new ServerError(`${this.#address.url} answers, but not as this server does. ${SET_ADDRESS}`, false);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}

/** OpenSSL tells it in its message alone, between places of its sources. */
function speaksNoTls(error: unknown): boolean {
  return error instanceof Error && /:wrong version number:/.test(error.message);
}
