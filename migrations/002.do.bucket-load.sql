-- What the loader must know of a bucket beyond its LoaderFiles; ours, not Aidbox's, hence the schema of its own.
-- options: how rows are written ({"upsert?", "disable-idx?", "drop-primary-key?"}), the same for all replicas.
-- calls: how often load-from-bucket was called; cancelled_call: the last of these calls that a cancel has ended.
create table if not exists fhir_bucket_loader.bucket_load (
  bucket text primary key,
  options jsonb not null,
  calls bigint not null default 1,
  cancelled_call bigint not null default 0,
  called_at timestamptz not null default current_timestamp
);
