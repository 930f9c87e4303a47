-- What a load with disable-idx?: auto has chosen for the indexes of a table, the last time that it did, and why.
create table if not exists fhir_bucket_loader.index_choice (
  queue oid not null default to_regclass('loaderfile')::oid,
  bucket text not null,
  schemaname text not null,
  tablename text not null,
  dropped boolean not null,
  reason text not null,
  chosen_at timestamptz not null default clock_timestamp(),
  primary key (queue, bucket, schemaname, tablename)
);
