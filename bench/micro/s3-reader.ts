/**
 * CPU time of the S3 stage: objects from the bench's S3 endpoint, in another process, to chunks that nobody uses. By
 * plain `fetch` and by the loader's reader; for large objects, where bytes cost, and for small ones, where requests do.
 *
 *   node bench/micro/s3-reader.ts
 */

import { ObjectReader } from '../../src/source/s3/object-reader.ts';
import { S3Clients } from '../../src/source/s3/s3-clients.ts';
import { type BenchData, total } from '../dataset/bench-data.ts';
import { cacheFolder, prepareData } from '../dataset/prepare-data.ts';
import { startFileServer } from '../s3/start-file-server.ts';
import { compareCases, type MicroCase } from './compare-cases.ts';

const large = await prepareData({ shape: 'one-file', bytes: 100e6, seed: 1 });
const small = await prepareData({ shape: 'mixed', bytes: 2e6, seed: 1 });
const s3 = await startFileServer(cacheFolder());
const { host, region } = s3.account;
const client = new S3Clients(true).get(
  { region, endpoint: host, credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' } },
  'bench',
  { connectTimeoutMs: 0 },
);

await compareCases('S3, one large object, per GB of compressed bytes', [byFetch(large), byReader(large)]);
await compareCases('S3, 24 objects of some kB: 1 is 1 ms a request', [
  perRequest(byFetch(small)),
  perRequest(byReader(small)),
]);
s3.close();

function byFetch(data: BenchData): MicroCase {
  return {
    name: 'fetch',
    bytes: total(data, 'gzipBytes'),
    async run() {
      for (const { key } of data.files) {
        const { body } = await fetch(`${host}/${data.name}/${key}`);
        if (body !== null) for await (const _chunk of body);
      }
    },
  };
}

function byReader(data: BenchData): MicroCase {
  return {
    name: 'ObjectReader',
    bytes: total(data, 'gzipBytes'),
    async run() {
      for (const { key, gzipBytes: size } of data.files) {
        const { signal } = new AbortController();
        const reader = new ObjectReader(client, { bucket: data.name, key, size }, { readTimeoutMs: 0, signal });
        for await (const _chunk of reader.read());
      }
    },
  };
}

/** Pretends that each object has 1 MB, so that s per GB are ms per object. */
function perRequest(one: MicroCase): MicroCase {
  return { ...one, bytes: small.files.length * 1e6 };
}
