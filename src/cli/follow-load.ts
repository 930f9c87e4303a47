import { setTimeout as delay } from 'node:timers/promises';
import { commandName } from './command-name.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { followerFor } from './followers.ts';
import { formatNumberOf, formatSeconds } from './format.ts';
import { exitCodeOf, type LoadStatus, readStatus } from './load-status.ts';
import { type ServerClient, ServerError } from './server-client.ts';
import { failedLines } from './status-text.ts';

/** How often the server is asked, in ms; its figures are a second old anyway. */
const POLL_MS = 1_000;

/** How long a server may be gone before following it makes no sense, in ms. */
const OUTAGE_TIMEOUT_MS = 120_000;

export interface FollowOptions {
  /** Print the server's answers. */
  json: boolean;
  /** Whether this process has begun the load, and can say how long it took. */
  begun?: boolean;
}

/**
 * Shows a bucket's load until it has ended. Ctrl-C ends the following, not the load.
 * @returns the exit code
 * @throws ServerError when the server stays away or refuses
 */
export async function followLoad(
  client: ServerClient,
  bucket: string,
  { json, begun }: FollowOptions,
): Promise<number> {
  const follower = followerFor(bucket, json);
  const started = begun === true ? performance.now() : undefined;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  try {
    for (;;) {
      const status = await patiently(() => readStatus(client, bucket, interrupt.signal), follower.note);
      if (status.state !== 'in-progress') {
        follower.end(status, lastWords(bucket, status, started));
        return exitCodeOf(status);
      }
      follower.show(status);
      await delay(POLL_MS, undefined, { signal: interrupt.signal });
    }
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    throw new CliError(
      EXIT.ctrlC,
      `\nNo longer followed; the load goes on. Follow it again: ${commandName()} status ${bucket} --follow\n` +
        `Stop it: ${commandName()} cancel ${bucket}`,
    );
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/** A server that restarts, or a database that does, is waited for: the load survives both. */
async function patiently(read: () => Promise<LoadStatus>, note: (text: string) => void): Promise<LoadStatus> {
  const deadline = performance.now() + OUTAGE_TIMEOUT_MS;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ServerError && error.transient) || performance.now() > deadline) throw error;
      note(`${error.message} Trying again …`);
      await delay(POLL_MS);
    }
  }
}

function lastWords(bucket: string, status: LoadStatus, started: number | undefined): string[] {
  const { state, progress, message } = status;
  if (state === 'interrupted') {
    const left = (progress['pending'] ?? 0) + (progress['in-progress'] ?? 0);
    return [message ?? `${formatNumberOf(left, 'file')} left, and nobody loads them. The same load command continues.`];
  }
  const took = started === undefined ? [] : [`Ended after ${formatSeconds((performance.now() - started) / 1000)}.`];
  return [...failedLines(bucket, status), ...(message === undefined ? [] : [message]), ...took];
}
