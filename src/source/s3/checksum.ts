import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Crc32c, Crc64Nvme } from '@aws-sdk/checksums/crc';

/** A checksum of an object's bytes that is added up while they pass. */
export interface RunningChecksum {
  /** As the store calls it, for the error message. */
  name: string;
  /** As the store gave it. */
  expected: string;
  update(bytes: Uint8Array): void;
  /** In the same spelling as `expected`. To be called once. */
  digest(): Promise<string>;
}

type Sum = Pick<RunningChecksum, 'update' | 'digest'>;

const nodeHash = (algorithm: string) => (): Sum => {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest('base64') };
};
const awsHash = (Hash: new () => { update(bytes: Uint8Array): void; digest(): Promise<Uint8Array> }) => (): Sum => {
  const hash = new Hash();
  return {
    update: (bytes) => hash.update(bytes),
    digest: async () => Buffer.from(await hash.digest()).toString('base64'),
  };
};

/** Zlib's is ten times as fast as the SDK's others (measured: 4.5 GB/s; SHA 1.8, MD5 0.8, CRC32C 0.4, CRC64 0.3). */
function zlibCrc32(): Sum {
  let sum = 0;
  return {
    update(bytes) {
      sum = crc32(bytes, sum);
    },
    async digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(sum);
      return bytes.toString('base64');
    },
  };
}

/** Fastest first: one is enough. */
const AWS_CHECKSUMS: readonly [header: string, begin: () => Sum][] = [
  ['x-amz-checksum-crc32', zlibCrc32],
  ['x-amz-checksum-sha1', nodeHash('sha1')],
  ['x-amz-checksum-sha256', nodeHash('sha256')],
  ['x-amz-checksum-crc32c', awsHash(Crc32c)],
  ['x-amz-checksum-crc64nvme', awsHash(Crc64Nvme)],
];

/**
 * The checksum of the whole object that an answer offers: AWS's `x-amz-checksum-*`, Google's `x-goog-hash`, or a
 * `Content-MD5`. Those that AWS makes of the parts' checksums (`COMPOSITE`, or ending in `-<parts>`) say nothing about
 * the bytes as a whole, and an ETag need not be an MD5; neither is taken.
 * @param headers of an answer that holds the object from its first byte to its last
 * @returns undefined where none is offered
 */
export function offeredChecksum(headers: Readonly<Record<string, string>>): RunningChecksum | undefined {
  if (headers['x-amz-checksum-type']?.toUpperCase() !== 'COMPOSITE') {
    for (const [name, begin] of AWS_CHECKSUMS) {
      const expected = headers[name];
      if (expected !== undefined && isBase64(expected)) return { name, expected, ...begin() };
    }
  }
  const md5 = googleHash(headers['x-goog-hash'], 'md5');
  if (md5 !== undefined) return { name: 'x-goog-hash: md5', expected: md5, ...nodeHash('md5')() };
  const crc32c = googleHash(headers['x-goog-hash'], 'crc32c');
  if (crc32c !== undefined) return { name: 'x-goog-hash: crc32c', expected: crc32c, ...awsHash(Crc32c)() };
  const contentMd5 = headers['content-md5'];
  if (contentMd5 === undefined || !isBase64(contentMd5)) return undefined;
  return { name: 'content-md5', expected: contentMd5, ...nodeHash('md5')() };
}

/** `crc32c=AAAAAA==,md5=…`, the parts in one header or several. */
function googleHash(header: string | undefined, algorithm: string): string | undefined {
  const parts = header?.split(',').map((part) => part.trim()) ?? [];
  const value = parts.find((part) => part.startsWith(`${algorithm}=`))?.slice(algorithm.length + 1);
  return value !== undefined && isBase64(value) ? value : undefined;
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}
