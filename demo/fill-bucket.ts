import { BucketAlreadyOwnedByYou, CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DEMO_RESOURCE_TYPES } from './fhir-data/demo-resource-types.ts';
import { planBucket } from './fhir-data/plan-bucket.ts';
import { ndjsonGzip } from './fhir-data/write-ndjson-gzip.ts';
import type { DemoAccount } from './s3-endpoint.ts';

/** Small enough that the endpoint takes each file in one request, and that progress is seen file by file. */
const RESOURCES_PER_FILE = 4_000;

export interface FillBucket {
  account: DemoAccount;
  /** Created when it is not there. */
  bucket: string;
  resources: number;
  seed: number;
  /** Aborted: no further file is made. */
  signal: AbortSignal;
  onProgress: (filled: BucketFill, files: number) => void;
}

/** What is in the bucket so far. */
export interface BucketFill {
  files: number;
  resources: number;
  /** Before and after compression. */
  rawBytes: number;
  gzipBytes: number;
  /** Resources by type. */
  byType: Map<string, number>;
}

/**
 * Fills a bucket with generated FHIR files; the same resources and seed give the same bytes.
 * @throws the signal's reason, or what the store answers
 */
export async function fillBucket(options: FillBucket): Promise<BucketFill> {
  const { account, bucket, resources, seed, signal, onProgress } = options;
  const files = Math.max(DEMO_RESOURCE_TYPES.length, Math.ceil(resources / RESOURCES_PER_FILE));
  const planned = planBucket({ resources, seed, files });
  const filled: BucketFill = { files: 0, resources: 0, rawBytes: 0, gzipBytes: 0, byType: new Map() };
  const client = clientOf(account);
  try {
    await createBucket(client, bucket);
    for (const file of planned) {
      signal.throwIfAborted();
      const { body, lines, rawBytes } = await ndjsonGzip(file, seed);
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: file.key, Body: body }), { abortSignal: signal });
      filled.files++;
      filled.resources += lines;
      filled.rawBytes += rawBytes;
      filled.gzipBytes += body.length;
      filled.byType.set(file.type, (filled.byType.get(file.type) ?? 0) + lines);
      onProgress(filled, planned.length);
    }
    return filled;
  } finally {
    client.destroy();
  }
}

function clientOf(account: DemoAccount): S3Client {
  return new S3Client({
    endpoint: account.host,
    region: account.region,
    forcePathStyle: true,
    credentials: { accessKeyId: account['access-key-id'], secretAccessKey: account['secret-access-key'] },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
}

async function createBucket(client: S3Client, bucket: string): Promise<void> {
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  }
}
