import type { Failure } from '../../src/errors/failure.ts';
import type { FileFigures } from '../../src/worker/file-task.ts';

/** What a file that was loaded reports. */
export const FIGURES: FileFigures = {
  bytes: 1,
  rows: 1,
  rawBytes: 1,
  resumes: 0,
  totalMs: 1,
  s3Ms: 0,
  gunzipMs: 0,
  encodeMs: 0,
  postgresMs: 0,
  linesLeftOut: 0,
};

/** A failure by its SQLSTATE. */
export const failureOf = (code: string, transient = true): Failure => ({
  source: 'postgres',
  code,
  message: code,
  transient,
});
