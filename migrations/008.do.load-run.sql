-- What was loaded when, by whom and how: a run is a load of one bucket, from the moment the first replica begins until the
-- last one has ended. Ours, not Aidbox's.
-- first_txid: every LoaderFile that has ended in this run has a higher txid. figures: counted from the LoaderFiles, once the
-- run has ended. sample_seconds: the length of each point of its rate curve.
create table if not exists fhir_bucket_loader.load_run (
  run bigint generated always as identity primary key,
  queue oid not null default to_regclass('loaderfile')::oid,
  bucket text not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text,
  reason text,
  replicas int not null default 1,
  first_txid bigint not null,
  figures jsonb,
  sample_seconds int not null default 1,
  unique (queue, bucket, run)
);

-- The calls for a bucket, by their number in bucket_load; run is absent until a load has taken the call up.
create table if not exists fhir_bucket_loader.load_run_call (
  queue oid not null default to_regclass('loaderfile')::oid,
  bucket text not null,
  call bigint not null,
  run bigint,
  called_at timestamptz not null default clock_timestamp(),
  caller jsonb not null,
  params jsonb not null,
  new_files int not null,
  primary key (queue, bucket, call),
  unique (run, call)
);

-- What all replicas together have received and written in the seconds from `second` of the run on.
create table if not exists fhir_bucket_loader.load_run_rate (
  run bigint not null,
  second int not null,
  bytes double precision not null,
  rows double precision not null,
  primary key (run, second)
);

-- LoaderFiles that ended in a run and were deleted before it ended.
create table if not exists fhir_bucket_loader.load_run_deleted (
  run bigint not null,
  loader_file text not null,
  txid bigint not null,
  resource jsonb not null,
  primary key (run, loader_file, txid)
);
