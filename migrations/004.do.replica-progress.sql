-- How far the files in hand are, as each replica tells it about once a second. Unlogged: worth nothing after a crash.
-- files: {"<LoaderFile id>": {"bytes": …, "rows": …}}
create unlogged table if not exists fhir_bucket_loader.replica_progress (
  bucket text not null,
  replica uuid not null,
  updated_at timestamptz not null,
  bytes_per_second double precision not null,
  rows_per_second double precision not null,
  files jsonb not null,
  primary key (bucket, replica)
);
