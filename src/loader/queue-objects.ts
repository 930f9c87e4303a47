import { addLoaderFiles } from '../db/loader-file/add-loader-files.ts';
import { listForeignKeys } from '../db/loader-file/list-foreign-keys.ts';
import type { Queryable } from '../db/query.ts';
import { listObjects } from '../s3/list-objects.ts';
import type { S3Clients } from '../s3/s3-clients.ts';
import { knownTypes } from './known-types.ts';
import { bucketName, type LoadRequest } from './load-request.ts';
import { resourceTypeOfKey } from './resource-type-of-key.ts';

/** Time to connect to S3 for a listing where the call sets none, in ms: somebody waits for the answer. */
const LISTING_CONNECT_TIMEOUT_MS = 10_000;

/**
 * Lists the bucket within the call's prefixes and queues every object that has a known resource type's name and no
 * LoaderFile yet. To be called in a transaction, so that a listing that fails half-way queues nothing.
 * @throws S3Error
 */
export async function queueObjects(
  db: Queryable,
  clients: S3Clients,
  { bucket, account, prefixes, timeouts }: LoadRequest,
): Promise<{ newFiles: number; ignoredFiles: number }> {
  const connectTimeoutMs = timeouts.connectTimeoutMs === 0 ? LISTING_CONNECT_TIMEOUT_MS : timeouts.connectTimeoutMs;
  const client = clients.get(account, { connectTimeoutMs });
  const types = await knownTypes(db);
  const foreign = await listForeignKeys(db, bucket);
  let newFiles = 0;
  let ignoredFiles = 0;
  for await (const page of listObjects(client, bucketName(bucket), prefixes)) {
    const files = [];
    for (const object of page) {
      const type = resourceTypeOfKey(object.key, types);
      if (type !== undefined) {
        if (!foreign.has(object.key)) files.push({ ...object, type });
      } else if (!object.key.endsWith('/')) ignoredFiles++;
    }
    newFiles += await addLoaderFiles(db, bucket, files);
  }
  return { newFiles, ignoredFiles };
}
