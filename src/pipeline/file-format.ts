import { FileError } from '../errors/file-error.ts';

/** How a file's bytes are packed; detected from the bytes, not from the name. */
export type Packing = 'gzip' | 'zstd' | 'none';

/** As many of a file's first bytes as `packingOf` and `foreignFormat` look at: tar has its mark at byte 257. */
export const HEAD_BYTES = 512;

/** A file of another format than can be read. */
export class FormatError extends FileError {
  override readonly name = 'FormatError';

  constructor(message: string) {
    super(message, { source: 'aidbox', code: 'not-ndjson' });
  }
}

/** In hexadecimal; a file that ends within them is cut short, and no text either. */
const GZIP = /^1f(8b|$)/;
/** Zstandard's frames, and the skippable ones that some writers (pzstd, seekable archives) begin with. */
const ZSTD = /^(28b52ffd|28b5(2f)?$|5[0-9a-f]2a4d18)/;

const AWS_CHUNKED = 'still in the aws-chunked framing of its upload, which the store kept';

/** By the first bytes, in hexadecimal. Only what no line of ndjson can begin with. */
const BINARY: readonly [pattern: RegExp, what: string][] = [
  [/^425a683/, 'a bzip2 archive'],
  [/^504b(0304|0506|0708)/, 'a zip archive'],
  [/^fd377a585a00/, 'an xz archive'],
  [/^377abcaf271c/, 'a 7z archive'],
  [/^(04224d18|02214c18)/, 'an lz4 archive'],
  [/^ff060000734e61507059/, 'a snappy archive'],
  [/^4c5a4950/, 'an lzip archive'],
  [/^1f(9d|a0)/, 'a compress (.Z) archive'],
  [/^526172211a07/, 'a RAR archive'],
  [/^[0-9a-f]{514}7573746172/, 'a tar archive'],
  [/^50415231/, 'a Parquet file'],
  [/^4f626a01/, 'an Avro file'],
  [/^4f5243/, 'an ORC file'],
  [/^4152524f5731/, 'an Arrow file'],
  [/^53514c69746520666f726d6174203300/, 'an SQLite database'],
  [/^(fffe0000|0000feff|(7b|5b)000000|000000(7b|5b))/, 'text in UTF-32, not UTF-8'],
  [/^(fffe|feff|(7b|5b|0d|0a|20)00|00(7b|5b|0d|0a|20))/, 'text in UTF-16, not UTF-8'],
  [/^(00){16}/, 'full of zeros, as after a copy that was cut short'],
];

/** By the first characters, after a byte order mark and white space. */
const TEXT: readonly [pattern: RegExp, what: string][] = [
  [/^%PDF-/, 'a PDF document'],
  [/^(-----BEGIN PGP|age-encryption\.org\/|Salted__)/, 'encrypted'],
  [/^version https:\/\/git-lfs\./, 'a pointer of Git LFS, not the file itself'],
  [/^<(!doctype html|html|head|body)/i, 'an HTML page, as of a login or an error'],
  [/^<[?A-Za-z]/, 'an XML document'],
  [/^[0-9a-f]{1,16};chunk-signature=/i, AWS_CHUNKED],
  [/^[0-9a-f]{1,16}\r\n\{/i, AWS_CHUNKED],
];

const SPACE = 0x20;
/** Tab, line feed, vertical tab, form feed, carriage return. */
const BLANKS = [9, 10, 11, 12, 13];

/** @param head the file's first bytes, at most HEAD_BYTES */
export function packingOf(head: Buffer): Packing {
  const start = head.toString('hex', 0, 4);
  if (GZIP.test(start)) return 'gzip';
  return ZSTD.test(start) ? 'zstd' : 'none';
}

/**
 * Refuses plain bytes that are of a known format other than ndjson, by its name.
 * @param head the first bytes, of the file or of what was unpacked from it
 * @throws FormatError
 */
export function checkIsText(head: Buffer, packing: Packing): void {
  const inner = packingOf(head);
  const what = inner === 'none' ? foreignFormat(head) : `packed twice, by ${inner} within ${packing}`;
  if (what === undefined) return;
  const where = packing === 'none' || inner !== 'none' ? 'the file is' : `the file, unpacked from ${packing}, is`;
  throw new FormatError(
    `${where} ${what}, by its first bytes; what can be read is ndjson in UTF-8, plain or packed by gzip or zstd. ` +
      'Convert it and upload it again',
  );
}

function foreignFormat(head: Buffer): string | undefined {
  const bytes = head.toString('hex', 0, HEAD_BYTES);
  const text = head
    .toString('utf8', 0, HEAD_BYTES)
    .replace(/^\ufeff/, '')
    .trimStart();
  const [, what] =
    BINARY.find(([pattern]) => pattern.test(bytes)) ?? TEXT.find(([pattern]) => pattern.test(text)) ?? [];
  return what ?? (!text.startsWith('{') && hasControls(head) ? 'binary data' : undefined);
}

/** Whether bytes within the head are control characters that no text has; a resource with some is one bad line. */
function hasControls(head: Buffer): boolean {
  return head.subarray(0, HEAD_BYTES).some((byte) => byte < SPACE && !BLANKS.includes(byte));
}
