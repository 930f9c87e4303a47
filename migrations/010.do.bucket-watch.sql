-- Standing loads: buckets that are listed again and again, by the replica that holds the bucket's watch lock.
-- watch: which call has set it up; another one for the bucket takes its place. params: of that call, without credentials. process:
-- the process that has credentials for it in its memory; null where the server's own serve, on any replica.
-- failures: listings in a row that failed, the last for the reason in message.
create table if not exists fhir_bucket_loader.bucket_watch (
  queue oid not null default to_regclass('loaderfile')::oid,
  bucket text not null,
  watch uuid not null,
  params jsonb not null,
  caller jsonb not null,
  every text not null,
  process uuid,
  since timestamptz not null default clock_timestamp(),
  listed_at timestamptz not null default clock_timestamp(),
  next_listing_at timestamptz not null,
  failures int not null default 0,
  message text,
  primary key (queue, bucket)
);
