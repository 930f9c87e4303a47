import type { LoadStarted } from '../load/load-calls.ts';
import type { LoadRequest } from '../load/load-request.ts';
import { describeNotes } from './describe-notes.ts';
import { numberOf } from './number-of.ts';

/** What a call has begun, in sentences. */
export function describeStart(
  { bucket, reloadChanged }: LoadRequest,
  { newFiles, changed, passedOverNote, notes }: LoadStarted,
): string {
  const unsure = `${numberOf(changed.unsure, 'file')} loaded by another call meanwhile; call again to compare them.`;
  const sentences = [
    `Upload from bucket <${bucket}> started. ${newFiles} new files added.`,
    ...(reloadChanged ? [`${numberOf(changed.count, 'changed file')} queued again.`] : []),
    ...(changed.unsure > 0 ? [unsure] : []),
    ...(passedOverNote === undefined ? [] : [passedOverNote]),
  ];
  return sentences.join(' ') + describeNotes(notes);
}
