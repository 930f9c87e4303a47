import type { LoadStarted } from '../load/load-calls.ts';
import type { LoadRequest } from '../load/load-request.ts';

/** What an answer counts of files whose objects have changed since they were loaded. */
export function changedCounts({ reloadChanged }: LoadRequest, { changed }: LoadStarted) {
  return {
    ...(reloadChanged ? { 'changed-files-count': changed.count } : {}),
    ...(changed.passedOver > 0 ? { 'passed-over-files-count': changed.passedOver } : {}),
  };
}
