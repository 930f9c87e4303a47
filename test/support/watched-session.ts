import pg from 'pg';
import type { Closing } from './last-first.ts';

/** A session that others may end; it ends after `t` at the latest. @returns also whether it is still there */
export async function watchedSession(
  t: Closing,
  options: pg.ClientConfig,
): Promise<{ client: pg.Client; isThere: () => boolean }> {
  const client = new pg.Client(options);
  let isThere = true;
  client.on('error', () => {});
  client.on('end', () => {
    isThere = false;
  });
  await client.connect();
  t.after(() => client.end().catch(() => {}));
  return { client, isThere: () => isThere };
}
