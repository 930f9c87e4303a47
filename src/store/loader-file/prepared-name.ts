/** How the names of the loader's prepared transactions begin; queue, LoaderFile, attempt and partition follow, separated by colons. */
export const PREPARED_PREFIX = 'fhir_bucket_loader';

/** Of which LoaderFile and attempt a prepared transaction of the loader is, by its name; undefined where that says neither. */
export function readPreparedName(gid: string): { loaderFile: string; attempt: string } | undefined {
  const [, , loaderFile, attempt] = gid.split(':');
  if (loaderFile === undefined || attempt === undefined) return undefined;
  return { loaderFile: decodeURIComponent(loaderFile), attempt };
}
