import type pg from 'pg';
import { inTransaction } from '../../store/query.ts';
import { completeDecided, listDecided, lockForDecision } from './commit-decision.ts';
import { listPreparedPartitions, type PreparedPartition, resolvePrepared } from './prepared-partition.ts';

/**
 * Settles what a replica that died left prepared: partitions of a decided file are committed, all others rolled back.
 * A file whose lock is taken is in somebody's hands and left alone. May be run by several replicas at once.
 */
export async function recoverPrepared(pool: pg.Pool): Promise<void> {
  const partitions = await listPreparedPartitions(pool);
  for (const [id, ofFile] of Map.groupBy(partitions, ({ loaderFile }) => loaderFile))
    await recoverFile(pool, id, ofFile);
}

/** The same, and then marks the bucket's decided files `done`. */
export async function recoverBucket(pool: pg.Pool, bucket: string): Promise<void> {
  await recoverPrepared(pool);
  const decided = await listDecided(pool, bucket);
  if (decided.length === 0) return;
  const open = new Set((await listPreparedPartitions(pool)).map(({ attempt }) => attempt));
  for (const { id, attempt } of decided) if (!open.has(attempt)) await completeDecided(pool, id, attempt);
}

async function recoverFile(pool: pg.Pool, id: string, partitions: readonly PreparedPartition[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    // The lock keeps the file from being begun anew while its old partitions are rolled back.
    const decision = await lockForDecision(client, id);
    if (decision === undefined) return;
    for (const { gid, attempt } of partitions) {
      await resolvePrepared(pool, gid, attempt === decision.attempt ? 'commit' : 'rollback');
    }
  });
}
