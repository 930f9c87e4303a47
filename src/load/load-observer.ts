import type { IndexObserver } from '../indexes/index-observer.ts';
import type { FileOutcome, FileProgress } from '../worker/file-task.ts';

/** Observes the loads of this process, for metrics; must not throw. */
export interface LoadObserver extends IndexObserver {
  /** An attempt at a file begins. */
  onFileBegun(bucket: string): void;
  /** Bytes and rows of a file in flight since the previous call for it. */
  onProgress(bucket: string, more: FileProgress): void;
  /** That attempt ended. */
  onFileEnded(bucket: string, outcome: FileOutcome): void;
  /** This process has listed a watched bucket, or could not. */
  onWatchListed(bucket: string, outcome: 'listed' | 'failed'): void;
}

/** No-op observer. */
export const NO_OBSERVER: LoadObserver = {
  onFileBegun() {},
  onProgress() {},
  onFileEnded() {},
  onWatchListed() {},
  onIndexRestored() {},
  onIndexFailed() {},
};
