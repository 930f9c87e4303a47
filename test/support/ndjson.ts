import { gzipSync } from 'node:zlib';

/** Resources as the text of an ndjson file. */
export function ndjson(resources: readonly object[]): string {
  return resources.map((resource) => `${JSON.stringify(resource)}\n`).join('');
}

/** Resources as a gzipped ndjson file. */
export function ndjsonGzip(resources: readonly object[]): Buffer {
  return gzipSync(ndjson(resources));
}

/** Patients with the ids `prefix-1` to `prefix-<count>`. */
export function patients(count: number, prefix = 'patient'): { resourceType: string; id: string; active: boolean }[] {
  return Array.from({ length: count }, (_, n) => ({ resourceType: 'Patient', id: `${prefix}-${n + 1}`, active: true }));
}
