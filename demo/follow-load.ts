import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { RpcClient } from './rpc-client.ts';

const POLL_MS = 200;

/** A load whose status stays the same for this long, in ms, is taken for stuck. */
const STALL_MS = 120_000;

const statusSchema = z.object({
  state: z.string(),
  progress: z.object({ total: z.number() }).catchall(z.number()),
  message: z.string().optional(),
  resources: z.object({ loaded: z.number() }),
});

/** A verbose answer of `aidbox.bulk/load-from-bucket-status`. */
export type LoadStatus = z.infer<typeof statusSchema>;

/**
 * Asks for the status of a bucket until its load has ended.
 * @returns the last status
 * @throws when the load is stuck, the server answers an error, or the signal's reason
 */
export async function followLoad(
  rpc: RpcClient,
  bucket: string,
  { signal, onStatus }: { signal: AbortSignal; onStatus: (status: LoadStatus) => void },
): Promise<LoadStatus> {
  let before = '';
  let changedAt = performance.now();
  for (;;) {
    const { text, result } = await rpc.call('aidbox.bulk/load-from-bucket-status', { bucket, verbose: true }, signal);
    const status = statusSchema.parse(result);
    onStatus(status);
    if (status.state !== 'in-progress') return status;
    if (text !== before) changedAt = performance.now();
    before = text;
    if (performance.now() - changedAt > STALL_MS)
      throw new Error(`Nothing happens any more; the last status:\n${text}`);
    await delay(POLL_MS, undefined, { signal });
  }
}
