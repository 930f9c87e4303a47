import type { TransformName } from '../pipeline/create-transform.ts';
import type { S3Account, S3Timeouts } from '../source/s3/s3-account.ts';
import type { WriteOptions } from '../store/bucket-load/bucket-load.ts';
import type { Scheduler } from './schedule.ts';

/** One call of `aidbox.bulk/load-from-bucket`, its defaults filled in. Carries the account's secret: never log it. */
export interface LoadRequest {
  /** As the client gave it: `s3://name`. LoaderFiles carry it in this form. */
  bucket: string;
  /** Files loaded at once. */
  threadNum: number;
  account: S3Account;
  /** How the files' lines become rows. */
  transform: TransformName;
  write: WriteOptions;
  scheduler: Scheduler;
  prefixes: readonly string[];
  timeouts: S3Timeouts;
  /** Bad lines of a file that are left out and recorded before the file fails. */
  maxErrors: number;
}

/** A request with the call's number for its bucket, which a cancel refers to. */
export interface NumberedRequest extends LoadRequest {
  call: bigint;
}

/** The bucket's name as S3 knows it. */
export function bucketName(bucket: string): string {
  return bucket.replace(/^s3:\/\//, '');
}
