import type pg from 'pg';
import type { Failure } from '../../errors/failure.ts';
import { inTransaction } from '../query.ts';
import { markFailed } from './finish-loader-file.ts';
import { UNFINISHED } from './loader-file.ts';
import { lockFile } from './lock-file.ts';

/**
 * Marks a file `error` outside of the transaction that tried its rows, if nobody is loading it by now.
 * @returns whether it was marked
 */
export async function failUnfinishedFile(pool: pg.Pool, id: string, failure: Failure): Promise<boolean> {
  return await inTransaction(pool, async (client) => {
    const locked = await lockFile(client, id, UNFINISHED);
    if (locked) await markFailed(client, id, failure.message, { source: failure.source, code: failure.code });
    return locked;
  });
}
