import type pg from 'pg';
import type { FileFault } from '../errors/failure.ts';
import { markFailed } from '../store/loader-file/finish-loader-file.ts';
import { UNFINISHED } from '../store/loader-file/loader-file.ts';
import { lockFile } from '../store/loader-file/lock-file.ts';
import { inTransaction } from '../store/query.ts';

/**
 * Marks a file `error` outside of the transaction that tried its rows, if nobody has it in hand by now.
 * @returns whether it was marked
 */
export async function failUnfinishedFile(pool: pg.Pool, id: string, fault: FileFault): Promise<boolean> {
  return await inTransaction(pool, async (client) => {
    const locked = await lockFile(client, id, UNFINISHED);
    if (locked) await markFailed(client, id, fault.message, { source: fault.source, code: fault.code });
    return locked;
  });
}
