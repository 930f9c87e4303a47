import { CORE_SCHEMA, dump, load } from 'js-yaml';
import { z } from 'zod';

const answerSchema = z.union([
  z.object({ result: z.looseObject({}) }),
  z.object({ error: z.looseObject({ message: z.string() }) }),
]);

/** An RPC client that speaks YAML, as one does by hand. */
export class RpcClient {
  /** Address of the server. */
  readonly url: string;
  /** The root client's secret. */
  readonly secret: string;

  constructor(url: string, secret: string) {
    this.url = url;
    this.secret = secret;
  }

  /** The same call as a person would make it. */
  toCurl(method: string, params: object): string {
    return [
      `$ curl -u root:${this.secret} ${this.url}/rpc \\`,
      `    -H 'content-type: text/yaml' -H 'accept: text/yaml' --data-binary @- <<'END'`,
      `${toYaml({ method, params })}END`,
    ].join('\n');
  }

  /**
   * @returns the HTTP status line and the body, as text, and the body's `result`
   * @throws when the server answers an error, or the signal's reason
   */
  async call(method: string, params: object, signal: AbortSignal): Promise<{ text: string; result: object }> {
    const response = await fetch(`${this.url}/rpc`, {
      method: 'POST',
      headers: {
        'content-type': 'text/yaml',
        accept: 'text/yaml',
        authorization: `Basic ${Buffer.from(`root:${this.secret}`).toString('base64')}`,
      },
      body: toYaml({ method, params }),
      signal,
    });
    const text = await response.text();
    const answer = answerSchema.parse(load(text, { schema: CORE_SCHEMA }));
    if ('error' in answer) throw new Error(`${method} answered ${response.status}: ${answer.error.message}`);
    return { text, result: answer.result };
  }
}

function toYaml(value: object): string {
  return dump(value, { lineWidth: -1 });
}
