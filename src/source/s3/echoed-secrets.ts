import { Transform, type TransformCallback } from 'node:stream';

/** Shorter ones are no secrets, and would be found in any text. */
const SHORTEST = 8;

/**
 * What a request tells the store and nobody else may read: the session's token, and the signature, by which the request
 * could be sent again for a quarter of an hour.
 */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  const { authorization = '', 'x-amz-security-token': token = '' } = headers;
  const [, signature = ''] = /Signature=([0-9a-f]+)/.exec(authorization) ?? [];
  return [...spellings(token), signature].filter((secret) => secret.length >= SHORTEST);
}

/** A secret as an error's XML may have it: percent-encoded in either case, or with character references for what is no letter or digit. */
function spellings(secret: string): string[] {
  const encoded = encodeURIComponent(secret);
  const withReferences = (reference: (code: number) => string) =>
    secret.replace(/[^0-9A-Za-z]/g, (character) => `&#${reference(character.charCodeAt(0))};`);
  return [
    secret,
    encoded,
    encoded.replace(/%../g, (octet) => octet.toLowerCase()),
    withReferences(String),
    withReferences((code) => `x${code.toString(16)}`),
    withReferences((code) => `x${code.toString(16).toUpperCase()}`),
  ];
}

/** An error of the store without the secrets that it repeats of the request: what it says is stored, logged and answered. */
export class WithoutSecrets extends Transform {
  readonly #secrets: readonly string[];
  readonly #chunks: Buffer[] = [];

  constructor(secrets: readonly string[]) {
    super();
    this.#secrets = secrets;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#chunks.push(chunk);
    done();
  }

  override _flush(done: TransformCallback): void {
    let text = Buffer.concat(this.#chunks).toString('latin1');
    for (const secret of this.#secrets) text = text.replaceAll(secret, '***');
    done(null, Buffer.from(text, 'latin1'));
  }
}
