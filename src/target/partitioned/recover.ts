import type pg from 'pg';
import { inTransaction } from '../../store/query.ts';
import { completeDecided, listDecided, lockForDecision } from './commit-decision.ts';
import { listPreparedShares, type PreparedShare, settleShare } from './prepared-partition.ts';

/**
 * Settles what a replica that died left prepared: shares of a decided file are committed, all others rolled back.
 * A file whose lock is taken is in somebody's hands and left alone. May be run by several replicas at once.
 */
export async function settleShares(pool: pg.Pool): Promise<void> {
  const shares = await listPreparedShares(pool);
  for (const [id, ofFile] of Map.groupBy(shares, ({ loaderFile }) => loaderFile)) await settleFile(pool, id, ofFile);
}

/** The same, and then marks the bucket's decided files `done`. */
export async function settleBucket(pool: pg.Pool, bucket: string): Promise<void> {
  await settleShares(pool);
  const decided = await listDecided(pool, bucket);
  if (decided.length === 0) return;
  const open = new Set((await listPreparedShares(pool)).map(({ attempt }) => attempt));
  for (const { id, attempt } of decided) if (!open.has(attempt)) await completeDecided(pool, id, attempt);
}

async function settleFile(pool: pg.Pool, id: string, shares: readonly PreparedShare[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    // The lock keeps the file from being begun anew while its old shares are rolled back.
    const decision = await lockForDecision(client, id);
    if (decision === undefined) return;
    for (const { gid, attempt } of shares) {
      await settleShare(pool, gid, attempt === decision.attempt ? 'commit' : 'rollback');
    }
  });
}
