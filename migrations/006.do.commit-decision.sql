-- What the loader keeps beside the LoaderFiles says of which table of LoaderFiles it is, by its oid (queue): several
-- schemas of one database may have a loader each. What was here until now is of the one that this session sees.
do $$
begin
  if not exists (select from pg_attribute
                  where attrelid = 'fhir_bucket_loader.replica_progress'::regclass and attname = 'queue') then
    alter table fhir_bucket_loader.bucket_load add column queue oid not null default to_regclass('loaderfile')::oid;
    alter table fhir_bucket_loader.bucket_load drop constraint bucket_load_pkey, add primary key (queue, bucket);
    alter table fhir_bucket_loader.replica_progress add column queue oid not null default to_regclass('loaderfile')::oid;
    alter table fhir_bucket_loader.replica_progress
      drop constraint replica_progress_pkey, add primary key (queue, bucket, replica);
  end if;
end $$;

-- Files that several backends have loaded, whose transactions are prepared: each is to be committed, whatever becomes of
-- its LoaderFile, which clients may delete. A row is there from the commit of the file's first transaction until the last
-- one is committed and the LoaderFile is done: for moments, unless somebody dies.
-- loader_file_cts tells that LoaderFile from a later one with the same id.
create table if not exists fhir_bucket_loader.commit_decision (
  queue oid not null,
  loader_file text not null,
  attempt text not null,
  loader_file_cts timestamptz,
  bucket text,
  file text,
  partitions int not null,
  loaded bigint not null,
  decided_at timestamptz not null default current_timestamp,
  primary key (queue, loader_file)
);
