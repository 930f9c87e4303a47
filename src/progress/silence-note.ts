import { findSilence } from '../store/bucket-load/silent-replicas.ts';
import type { Queryable } from '../store/query.ts';

/** That replicas which hang hold files of a load in progress, and how to get at these; undefined where none does. */
export async function silenceNote(db: Queryable, bucket: string): Promise<string | undefined> {
  const silence = await findSilence(db, bucket);
  const held = silence?.files ?? [];
  const [first] = held;
  if (silence === undefined || first === undefined) return undefined;
  const seconds = Math.round(silence.silentMs / 1_000);
  const files = held.length === 1 ? first.file : `${held.length} files, ${first.file} first`;
  const backends = [...new Set(held.map(({ pid }) => pid))].join(', ');
  const from = first.address === null ? '' : ` of ${first.address}`;
  return (
    `A replica that has said nothing for ${seconds} s holds ${files} (backend ${backends}${from}). ` +
    'If it hangs, end its process, or all its sessions: other replicas then load what it holds.'
  );
}
