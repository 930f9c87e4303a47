import type pg from 'pg';
import type { Failure } from '../errors/failure.ts';
import { markFailed } from '../store/loader-file/finish-loader-file.ts';
import { UNFINISHED } from '../store/loader-file/loader-file.ts';
import { lockFile } from '../store/loader-file/lock-file.ts';
import { inTransaction } from '../store/query.ts';

/**
 * Marks a file `error` outside of the transaction that tried its rows, if nobody has it in hand by now.
 * @returns whether it was marked
 */
export async function failUnfinishedFile(pool: pg.Pool, id: string, failure: Failure): Promise<boolean> {
  return await inTransaction(pool, async (client) => {
    const locked = await lockFile(client, id, UNFINISHED);
    if (locked) await markFailed(client, id, failure.message, { source: failure.source, code: failure.code });
    return locked;
  });
}
