import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { buildApp } from 'fauxqs';
import type { Closing } from './last-first.ts';

/** An S3 account in the form of the server's configuration. */
export type S3Account = {
  host: string;
  'access-key-id': string;
  'secret-access-key': string;
  region: string;
};

export type S3Endpoint = {
  url: string;
  account: S3Account;
  /** Creates a bucket, by default with a unique name, and returns its name. */
  createBucket(name?: string): Promise<string>;
  /** Bodies above 8 MiB are uploaded in parts, and so get an ETag that ends in the number of parts. */
  putObject(bucket: string, key: string, body: Buffer | string): Promise<void>;
  deleteObject(bucket: string, key: string): Promise<void>;
  close(): Promise<void>;
};

/** The emulator takes request bodies up to 11 MiB. */
const partBytes = 8 * 1024 * 1024;

/**
 * Gives an S3 endpoint: the server named by TEST_S3_ENDPOINT (a URL, with TEST_S3_ACCESS_KEY_ID,
 * TEST_S3_SECRET_ACCESS_KEY and TEST_S3_REGION) when that is set, else an emulator inside this process on a free port
 * of 127.0.0.1. Closed after the test `t` when one is given, else by `close()`, which deletes the
 * buckets it created.
 * Throws when one of the variables is missing or the emulator cannot listen.
 */
export async function startS3Endpoint(t?: Closing): Promise<S3Endpoint> {
  const server = process.env['TEST_S3_ENDPOINT'] === undefined ? await startEmulator() : realServer();
  const { account } = server;
  const client = new S3Client({
    endpoint: account.host,
    region: account.region,
    forcePathStyle: true,
    credentials: { accessKeyId: account['access-key-id'], secretAccessKey: account['secret-access-key'] },
  });
  const created: string[] = [];
  const endpoint: S3Endpoint = {
    url: account.host,
    account,
    async createBucket(name = `test-${randomBytes(8).toString('hex')}`) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
      created.push(name);
      return name;
    },
    async putObject(bucket, key, body) {
      const bytes = Buffer.from(body);
      if (bytes.length > partBytes) await putLargeObject(client, bucket, key, bytes);
      else await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
    },
    async deleteObject(bucket, key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    async close() {
      try {
        if (server.keepsData) for (const bucket of created.splice(0)) await deleteBucket(client, bucket);
      } finally {
        client.destroy();
        await server.close();
      }
    },
  };
  t?.after(() => endpoint.close());
  return endpoint;
}

type RunningServer = { account: S3Account; keepsData: boolean; close(): Promise<void> };

async function startEmulator(): Promise<RunningServer> {
  // Not startFauxqs(): that one listens on all interfaces.
  const app = buildApp({ logger: false, host: '127.0.0.1' });
  const host = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    account: { host, 'access-key-id': 'test', 'secret-access-key': 'test-secret', region: 'us-east-1' },
    keepsData: false,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function realServer(): RunningServer {
  return {
    account: {
      host: requiredVariable('TEST_S3_ENDPOINT'),
      'access-key-id': requiredVariable('TEST_S3_ACCESS_KEY_ID'),
      'secret-access-key': requiredVariable('TEST_S3_SECRET_ACCESS_KEY'),
      region: requiredVariable('TEST_S3_REGION'),
    },
    keepsData: true,
    close: async () => {},
  };
}

async function putLargeObject(client: S3Client, bucket: string, key: string, body: Buffer): Promise<void> {
  const object = { Bucket: bucket, Key: key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
  const parts: { ETag: string | undefined; PartNumber: number }[] = [];
  for (let start = 0; start < body.length; start += partBytes) {
    const part = { ...object, UploadId, PartNumber: parts.length + 1 };
    const Body = body.subarray(start, start + partBytes);
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body }));
    parts.push({ ETag, PartNumber: part.PartNumber });
  }
  const upload = { ...object, UploadId, MultipartUpload: { Parts: parts } };
  await client.send(new CompleteMultipartUploadCommand(upload));
}

async function deleteBucket(client: S3Client, bucket: string): Promise<void> {
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket })) {
    for (const { Key } of page.Contents ?? []) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }
  await client.send(new DeleteBucketCommand({ Bucket: bucket }));
}

function requiredVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`TEST_S3_ENDPOINT is set, so ${name} must be set too.`);
  return value;
}
