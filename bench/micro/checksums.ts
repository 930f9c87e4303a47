/**
 * CPU time of each checksum that a store may offer, over bytes in memory, in chunks as a socket gives them.
 *
 *   node bench/micro/checksums.ts
 */
import { randomBytes } from 'node:crypto';
import { offeredChecksum } from '../../src/source/s3/checksum.ts';
import { compareCases } from './compare-cases.ts';

const CHUNK_BYTES = 64 * 1024;
const CHUNKS = 800;

/** Any base64 will do: the sums are made, not compared. */
const SUM = 'AAAA';
const HEADERS = {
  crc32: { 'x-amz-checksum-crc32': SUM },
  sha1: { 'x-amz-checksum-sha1': SUM },
  sha256: { 'x-amz-checksum-sha256': SUM },
  crc32c: { 'x-amz-checksum-crc32c': SUM },
  crc64nvme: { 'x-amz-checksum-crc64nvme': SUM },
  md5: { 'content-md5': SUM },
};

const chunk = randomBytes(CHUNK_BYTES);
await compareCases(
  'checksums, per GB of compressed bytes',
  Object.entries(HEADERS).map(([name, headers]) => ({
    name,
    bytes: CHUNK_BYTES * CHUNKS,
    async run() {
      const sum = offeredChecksum(headers);
      if (sum === undefined) throw new Error(`no checksum is found in ${Object.keys(headers)}`);
      for (let n = 0; n < CHUNKS; n++) sum.update(chunk);
      await sum.digest();
    },
  })),
);
