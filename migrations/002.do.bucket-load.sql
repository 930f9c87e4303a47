-- What the loader must know of a bucket beyond its LoaderFiles; ours, not Aidbox's, hence the schema of its own.
-- options: how rows are written ({"upsert?", "disable-idx?", "drop-primary-key?"}), the same for all replicas.
create table if not exists fhir_bucket_loader.bucket_load (
  bucket text primary key,
  options jsonb not null,
  called_at timestamptz not null default current_timestamp
);
