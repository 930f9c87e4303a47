-- Files whose rows go past the coordinator of Citus, on a connection to a worker (a data connection). An attempt at such a file
-- is written down, and committed, before its data transaction may begin: from then on nobody else touches the file until it is
-- known whether that transaction has committed. loader_file_cts tells the LoaderFile from a later one with the same id.
create table if not exists fhir_bucket_loader.data_attempt (
  queue oid not null,
  loader_file text not null,
  attempt text not null,
  loader_file_cts timestamptz,
  bucket text,
  file text,
  begun_at timestamptz not null default current_timestamp,
  primary key (queue, loader_file)
);
-- What shows it. The data transaction begins with a row of its attempt here, and ends with loaded and counts in it. Whoever finds
-- out inserts the row in its place: where that is refused the data transaction has committed, where it is not it never can any more.
create table if not exists fhir_bucket_loader.data_fence (
  attempt text primary key,
  loaded bigint,
  counts jsonb
);
