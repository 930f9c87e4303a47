/**
 * An ETag in the one spelling that `If-Match` takes: quoted, and without the mark of a weak one, which stores and proxies
 * set on some answers for the same object. Stores list them with and without quotes, and some list an empty one.
 * @returns undefined for an absent or empty ETag
 */
export function normalizeEtag(etag: string | undefined): string | undefined {
  const opaque = etag?.trim().replace(/^W\//i, '').replace(/^"|"$/g, '');
  return opaque === undefined || opaque === '' ? undefined : `"${opaque}"`;
}
