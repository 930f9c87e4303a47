import type { BigIntStats } from 'node:fs';
import type { ObjectIdentity } from '../object-source.ts';

/** Distinguishes versions of a file: its size and its time of change, to the nanosecond. */
export function identityOf({ size, mtimeNs, mtime }: BigIntStats): Required<ObjectIdentity> {
  return { size: Number(size), etag: `${size}-${mtimeNs}`, lastModified: mtime };
}
