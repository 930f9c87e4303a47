import type pg from 'pg';
import { inTransaction } from '../query.ts';
import { markPending } from './finish-loader-file.ts';
import { lockFile } from './lock-file.ts';

/** Takes a claim back: the file is `pending` again, unless somebody is loading it or it is finished by now. */
export async function returnClaimedFile(pool: pg.Pool, id: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    if (await lockFile(client, id, ['in-progress'])) await markPending(client, id);
  });
}
