import { type FileServer, startS3Program } from './start-file-server.ts';

/** A bucket to list. */
export interface ListingStore extends Omit<FileServer, 'pid' | 'requests'> {
  bucket: string;
  /** Undefined where only the server's own log counts them. */
  requests(): Promise<number | undefined>;
}

/**
 * The bucket BENCH_S3_BUCKET of the running server BENCH_S3_ENDPOINT (with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION), if
 * that is set; else a simulated one in a process of its own.
 * @param objects how many a simulated one has
 * @param pageMs what each page of its listing takes
 * @throws when one of the variables is missing
 */
export async function openListingStore(objects: number, pageMs: number): Promise<ListingStore> {
  const host = process.env['BENCH_S3_ENDPOINT'];
  if (host === undefined) {
    return { bucket: 'bucket', ...(await startS3Program('./listing-server.ts', [String(objects), String(pageMs)])) };
  }
  return {
    bucket: required('BENCH_S3_BUCKET'),
    account: {
      host,
      region: process.env['AWS_REGION'] ?? 'us-east-1',
      'access-key-id': required('AWS_ACCESS_KEY_ID'),
      'secret-access-key': required('AWS_SECRET_ACCESS_KEY'),
    },
    requests: async () => undefined,
    close: () => {},
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`BENCH_S3_ENDPOINT is set, so ${name} must be set too.`);
  return value;
}
