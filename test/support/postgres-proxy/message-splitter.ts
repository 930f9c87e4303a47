/** One message of the Postgres protocol, whole. `type` is empty for those before the session has begun. */
export interface WireMessage {
  type: string;
  bytes: Buffer;
}

/** Cuts one direction of a connection into messages (Postgres manual, "Message Formats"). */
export class MessageSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #untyped: boolean;

  /** @param untyped whether the first messages have no type byte: those of a client, until it has sent its startup */
  constructor(untyped: boolean) {
    this.#untyped = untyped;
  }

  /** The startup message was the last one without a type byte. */
  begun(): void {
    this.#untyped = false;
  }

  /** Takes bytes; gives the next whole message, if there is one. Call until there is none. */
  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
  }

  next(): WireMessage | undefined {
    const head = this.#untyped ? 0 : 1;
    if (this.#rest.length < head + 4) return undefined;
    const length = head + this.#rest.readInt32BE(head);
    if (this.#rest.length < length) return undefined;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return { type: head === 0 ? '' : String.fromCharCode(bytes[0] ?? 0), bytes };
  }
}

/** The text of a Query or Parse message. */
export function statementOf({ type, bytes }: WireMessage): string | undefined {
  if (type === 'Q') return bytes.toString('utf8', 5, bytes.length - 1);
  if (type !== 'P') return undefined;
  const text = bytes.indexOf(0, 5) + 1;
  return bytes.toString('utf8', text, bytes.indexOf(0, text));
}

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;

/** What a message without a type asks for, and a startup's parameters. */
export function startupOf({ bytes }: WireMessage): { kind: 'encrypt' | 'cancel' | 'start'; parameters: string[] } {
  const code = bytes.readInt32BE(4);
  if (code === SSL_REQUEST || code === GSS_REQUEST) return { kind: 'encrypt', parameters: [] };
  if (code === CANCEL_REQUEST) return { kind: 'cancel', parameters: [] };
  return { kind: 'start', parameters: bytes.toString('utf8', 8).split('\0') };
}
