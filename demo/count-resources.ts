import { connectClient, type DatabaseAddress } from '../src/store/connection-options.ts';
import { quotedTable } from '../src/store/resource-tables.ts';
import type { BucketFill } from './fill-bucket.ts';

/** What was put into the bucket of one type, and what Postgres has of it. */
export interface TypeCount {
  type: string;
  expected: number;
  counted: number;
}

/** A file that could not be loaded, as its LoaderFile tells. */
export interface FailedFile {
  file: string;
  message: string;
}

/** Asks Postgres itself, past the server, what the load has left there. */
export async function countResources(
  address: DatabaseAddress,
  { byType }: BucketFill,
): Promise<{ counts: TypeCount[]; failed: FailedFile[] }> {
  const client = await connectClient(address);
  try {
    const counts: TypeCount[] = [];
    for (const [type, expected] of byType) {
      const { rows } = await client.query<{ counted: number }>(
        `select count(*)::int as counted from ${quotedTable(type)} where resource_type = $1`,
        [type],
      );
      counts.push({ type, expected, counted: rows[0]?.counted ?? 0 });
    }
    const { rows: failed } = await client.query<FailedFile>(
      `select resource ->> 'file' as file, coalesce(resource ->> 'message', '') as message
         from loaderfile where resource ->> 'status' = 'error' order by 1`,
    );
    return { counts, failed };
  } finally {
    await client.end();
  }
}
