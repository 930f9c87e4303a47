import { S3Error } from './s3-error.ts';

/** What can be wrong with an object's bytes though S3 answered; `name` is the object's, as `s3://bucket/key`. */
export const objectErrors = {
  replaced: (name: string) =>
    new S3Error('PreconditionFailed', `PreconditionFailed: the object was replaced after it was listed (${name})`),

  incomplete: (name: string, came: { bytes: number; size: number | undefined }, cause: Error) =>
    new S3Error(
      'IncompleteBody',
      `IncompleteBody: ${came.bytes} of ${came.size ?? 'unknown'} bytes arrived, then ${cause.message} (${name})`,
      { transient: true, cause },
    ),

  checksum: (name: string, { algorithm, expected, actual }: Record<'algorithm' | 'expected' | 'actual', string>) =>
    new S3Error(
      'ChecksumMismatch',
      `ChecksumMismatch: the bytes received have ${algorithm} ${actual}, the store says ${expected}; they were ` +
        `discarded. If this persists, the object is damaged in the store: upload it again (${name})`,
      { transient: true },
    ),

  noChecksum: (name: string, cause: Error) =>
    new S3Error(
      'UnreadableAnswer',
      `UnreadableAnswer: the store's answer cannot be read: ${cause.message}; bytes damaged on the way would go unnoticed (${name})`,
      { transient: true, cause },
    ),

  range: (name: string, asked: number, got: string) =>
    new S3Error(
      'WrongRange',
      `WrongRange: asked for the bytes from ${asked} on, the store returned ${got}; the file is read again from its ` +
        `start (${name})`,
      { transient: true },
    ),

  stalled: (name: string, { limitMs, bytes }: { limitMs: number; bytes: number }) =>
    new S3Error(
      'ReadTimeout',
      `ReadTimeout: no bytes arrived for ${limitMs} ms (read-timeout) after ${bytes} bytes (${name})`,
    ),

  unresumable: (name: string, bytes: number, cause: string) =>
    new S3Error(
      'IncompleteBody',
      `IncompleteBody: the body broke off after ${bytes} bytes and cannot be resumed, because ${cause}; the file is ` +
        `read from its start (${name})`,
      { transient: true },
    ),

  transcoded: (name: string, { encoding, size }: { encoding: string; size: number | undefined }) =>
    new S3Error(
      'ContentEncoding',
      `ContentEncoding: the store has the object with Content-Encoding ${encoding} and does not send the ` +
        `${size === undefined ? '' : `${size} `}bytes that it keeps; upload it without Content-Encoding (${name})`,
    ),

  noSize: (name: string) =>
    new S3Error(
      'NoSize',
      `NoSize: neither the listing nor the store's answer says how long the object is, so that a body cut short would ` +
        `go unnoticed (${name})`,
    ),
};
