import type { Failure } from '../errors/failure.ts';
import type { LineFailure } from '../errors/line-error.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';

const LINE_FAILURES: Record<LineFailure, true> = {
  'not-json': true,
  'not-an-object': true,
  'id-missing': true,
  'id-empty': true,
  'id-not-a-string': true,
  'id-too-long': true,
  'id-twice': true,
  'type-not-a-string': true,
  'type-twice': true,
  'type-differs': true,
  'line-too-long': true,
  'too-many-blank-lines': true,
  'two-forms': true,
  'nested-too-deep': true,
  'last-updated-invalid': true,
  'last-updated-missing': true,
  'not-a-deletion': true,
  'type-not-loadable': true,
  'two-resources': true,
};

/**
 * Failures that files are known to meet. Their counters exist, at 0, before the first occurs: Prometheus sees no increase
 * in a series that begins with 1.
 */
export const KNOWN_FAILURES: readonly Pick<Failure, 'source' | 'code'>[] = [
  ...[...Object.keys(LINE_FAILURES), 'bad-gzip', 'too-many-errors', 'internal'].map(
    (code) => ({ source: 'aidbox', code }) as const,
  ),
  ...['InvalidAccount', 'AccessDenied', 'NoSuchKey', 'PreconditionFailed', 'SlowDown', 'ReadTimeout'].map(
    (code) => ({ source: 'aws', code }) as const,
  ),
  ...[
    SQLSTATE.uniqueViolation,
    SQLSTATE.connectionFailure,
    SQLSTATE.adminShutdown,
    SQLSTATE.diskFull,
    SQLSTATE.serializationFailure,
  ].map((code) => ({ source: 'postgres', code }) as const),
];
