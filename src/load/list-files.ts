import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { listObjects } from '../source/s3/list-objects.ts';
import type { S3Clients } from '../source/s3/s3-clients.ts';
import type { NewLoaderFile } from '../store/loader-file/add-loader-files.ts';
import { bucketName, type LoadRequest } from './load-request.ts';
import { type ResourceTypes, resourceTypeOfKey } from './resource-type-of-key.ts';

/** Time to connect to S3 for a listing where the call sets none, in ms: somebody waits for the answer. */
const LISTING_CONNECT_TIMEOUT_MS = 10_000;
/** Time for a page of a listing where the call sets none, in ms. */
const LISTING_READ_TIMEOUT_MS = 30_000;

/** The objects of a bucket that are to be queued, and how many were passed over for their names. */
export interface FileListing {
  /** In pages, to be queued one by one. */
  files(): Generator<NewLoaderFile[]>;
  ignoredFiles: number;
}

/**
 * Lists the bucket within the call's prefixes, for objects that have a known resource type's name. It takes as long as
 * S3 does: to be called without a connection of the database in hand.
 * @throws S3Error, or the signal's reason when aborted
 */
export async function listFiles(
  clients: S3Clients,
  { bucket, account, prefixes, timeouts }: LoadRequest,
  types: ResourceTypes,
  signal: AbortSignal,
): Promise<FileListing> {
  const connectTimeoutMs = timeouts.connectTimeoutMs === 0 ? LISTING_CONNECT_TIMEOUT_MS : timeouts.connectTimeoutMs;
  const limitMs = timeouts.readTimeoutMs === 0 ? LISTING_READ_TIMEOUT_MS : timeouts.readTimeoutMs;
  const name = bucketName(bucket);
  const client = clients.get(account, name, { connectTimeoutMs });
  const pages: Buffer[] = [];
  let ignoredFiles = 0;
  for await (const page of listObjects(client, { bucket: name, prefixes, limitMs, signal })) {
    const files: NewLoaderFile[] = [];
    for (const object of page) {
      const type = resourceTypeOfKey(object.key, types);
      if (type !== undefined) files.push({ ...object, type });
      else if (!object.key.endsWith('/')) ignoredFiles++;
    }
    if (files.length > 0) pages.push(pack(files));
  }
  return { ignoredFiles, files: () => unpacked(pages) };
}

const packedSchema = z.array(
  z.object({ key: z.string(), type: z.string(), size: z.number(), etag: z.string(), lastModified: z.coerce.date() }),
);

/** About 35 bytes a file. The strings as parsed would also keep the whole page's XML. */
function pack(files: readonly NewLoaderFile[]): Buffer {
  return gzipSync(JSON.stringify(files), { level: 1 });
}

function* unpacked(pages: readonly Buffer[]): Generator<NewLoaderFile[]> {
  for (const page of pages) yield packedSchema.parse(JSON.parse(gunzipSync(page).toString()));
}
