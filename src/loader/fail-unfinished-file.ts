import type pg from 'pg';
import { markFailed } from '../db/loader-file/finish-loader-file.ts';
import { UNFINISHED } from '../db/loader-file/loader-file.ts';
import { lockFile } from '../db/loader-file/lock-file.ts';
import { inTransaction } from '../db/query.ts';
import type { FileFault } from './file-fault.ts';

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
