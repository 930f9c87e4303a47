import { setTimeout as delay } from 'node:timers/promises';
import type { LoadStatus } from '../support/test-server.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import type { RoundPlan } from './round-plan.ts';

/** How long a round may take to come to its end once the faults are over, in ms. */
const SETTLE_MS = 120_000;

export interface Settled {
  /** How often load-from-bucket had to be called again, and how often failed files had to be queued again. */
  calls: number;
  retries: number;
  /** Why the round did not come to its end. */
  stuck?: string;
}

/**
 * Does what a user would: while the load is interrupted, calls the same RPC again; when good files have failed, queues
 * them again. Ends when the bucket is completed and every file that can be loaded is.
 */
export async function settle(cluster: ChaosCluster, plan: RoundPlan, call: () => Promise<void>): Promise<Settled> {
  const deadline = performance.now() + SETTLE_MS;
  const settled: Settled = { calls: 0, retries: 0 };
  let last = 'nothing was heard';
  for (let turn = 0; performance.now() < deadline; turn++) {
    await delay(100);
    await cluster.replaceDead();
    const answer = await cluster.rpc(turn % cluster.replicas.length, 'load-from-bucket-status', bucketOf(plan));
    last = JSON.stringify(answer?.body ?? 'no answer');
    const status = answer?.body.result as LoadStatus | undefined;
    if (status?.state === 'in-progress') continue;
    if (status?.state === 'completed') {
      const failed = await failedPrefixes(cluster, plan);
      if (failed.length === 0) return settled;
      settled.retries++;
      await cluster.rpc(turn % cluster.replicas.length, 'load-from-bucket-retry', {
        ...bucketOf(plan),
        prefixes: failed,
      });
    }
    settled.calls++;
    await call();
  }
  return { ...settled, stuck: `not settled after ${SETTLE_MS / 1000} s: ${last}` };
}

function bucketOf({ bucket }: RoundPlan): { bucket: string } {
  return { bucket: `s3://${bucket}` };
}

/** Keys of the files that have failed though nothing is wrong with them. */
async function failedPrefixes({ pool }: ChaosCluster, { bucket, files, nightly }: RoundPlan): Promise<string[]> {
  const good = [...files.filter(({ expected }) => expected === 'done'), ...nightly].map(({ key }) => key);
  const { rows } = await pool.query<{ key: string }>(
    `select resource ->> 'file' as key from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'error' and resource ->> 'file' = any ($2)`,
    [`s3://${bucket}`, good],
  );
  return rows.map(({ key }) => key);
}
