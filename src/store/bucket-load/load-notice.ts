import type { Queryable } from '../query.ts';

/** The channel of LISTEN and NOTIFY on which the loads of all replicas hear of changes in the database. */
const CHANNEL = 'fhir_bucket_loader';

/**
 * A change that loads wait for. It only wakes them: they look for themselves, and a slow poll finds changes without a
 * notification, such as the death of a replica.
 */
export interface LoadNotice {
  /**
   * Of a bucket: files are `queued`; its calls are `cancelled`; a process has `left` its load, or has `finished` it.
   * Of a table: its `indexes` were dropped or restored.
   */
  topic: 'queued' | 'cancelled' | 'left' | 'finished' | 'indexes';
  /** The bucket or the table. */
  name: string;
}

const TOPICS = ['queued', 'cancelled', 'left', 'finished', 'indexes'] as const satisfies LoadNotice['topic'][];

/** Notifies the loads of all replicas, when the transaction commits. */
export async function notifyLoads(db: Queryable, { topic, name }: LoadNotice): Promise<void> {
  await db.query('select pg_notify($1, $2)', [CHANNEL, `${topic} ${name}`]);
}

/** Subscribes a session to these changes; they arrive as the client's `notification` events. */
export async function listenToLoads(session: Queryable): Promise<void> {
  await session.query(`listen ${CHANNEL}`);
}

/** Reads a notification; undefined when it is not one of the loader's. */
export function parseNotice({
  channel,
  payload,
}: {
  channel: string;
  payload?: string | undefined;
}): LoadNotice | undefined {
  const [, word, name] = /^(\w+) (.+)$/s.exec(payload ?? '') ?? [];
  const topic = TOPICS.find((known) => known === word);
  return channel !== CHANNEL || topic === undefined || name === undefined ? undefined : { topic, name };
}
