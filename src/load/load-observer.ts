import type { IndexObserver } from '../indexes/index-observer.ts';
import type { FileOutcome, FileProgress } from '../worker/file-task.ts';

/** Is told what the loads of this process do; must not throw. Metrics are made of it. */
export interface LoadObserver extends IndexObserver {
  /** An attempt at a file begins. */
  onFileBegun(bucket: string): void;
  /** What has come and gone for a file in flight since the last word on it. */
  onProgress(bucket: string, more: FileProgress): void;
  /** That attempt ended. */
  onFileEnded(bucket: string, outcome: FileOutcome): void;
}

/** No-op observer. */
export const NO_OBSERVER: LoadObserver = {
  onFileBegun() {},
  onProgress() {},
  onFileEnded() {},
  onIndexRestored() {},
  onIndexFailed() {},
};
