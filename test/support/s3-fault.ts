/** One thing that goes wrong with one request, as made by the fault proxy. Bytes are those of the answer's body. */
export type S3Fault =
  /** The connection is reset after so many bytes. */
  | { kind: 'reset'; afterBytes: number }
  /** No further byte comes; the connection stays open. */
  | { kind: 'stall'; afterBytes: number }
  /** The body ends early, and cleanly: chunked, without a content-length. */
  | { kind: 'end-early'; afterBytes: number }
  /** The connection is closed before the promised content-length. */
  | { kind: 'truncate'; afterBytes: number }
  /** An S3 error instead of an answer. */
  | { kind: 'error'; status: number; code: string }
  /** The whole object, with 200, whatever `Range` asks for. */
  | { kind: 'ignore-range' }
  /** So many bytes at a time, for as long as the proxy's rule is not replaced; then the rest at once. */
  | { kind: 'trickle'; chunkBytes: number; everyMs: number }
  /** The request is read and never answered. */
  | { kind: 'no-answer' }
  /** The connection is reset as soon as the request is there. */
  | { kind: 'hang-up' }
  /** Something is done to the store first; then the answer comes as usual. */
  | { kind: 'first'; run: () => Promise<void> };

/** A request as the proxy's rule sees it. */
export interface SeenRequest {
  method: string;
  bucket: string;
  /** Empty for a listing. */
  key: string;
  /** What the keys of a listing begin with. */
  prefix?: string | undefined;
  range?: string | undefined;
  ifMatch?: string | undefined;
  /** How many requests for this method, bucket and key came so far, this one included. */
  nth: number;
}

/** Decides what goes wrong with a request; undefined is nothing. */
export type FaultRule = (request: SeenRequest) => S3Fault | undefined;

/** AWS's body for an error. */
export function errorXml(code: string, key: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>made by the fault proxy</Message>` +
    `<Key>${key.replaceAll(/[<&]/g, '_')}</Key><RequestId>0</RequestId></Error>`
  );
}
