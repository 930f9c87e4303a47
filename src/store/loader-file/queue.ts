/**
 * The table of the LoaderFiles, by its oid, in SQL: which queue this is. Other schemas of the database may have a queue,
 * and a loader, of their own; what the loader keeps beside it in schema `fhir_bucket_loader` says whose it is.
 */
export const QUEUE = `'loaderfile'::regclass::oid`;
