-- The identifiers of the resources that the references of a load may mean (resolve-references?), while it runs. Copied from
-- the resources' own rows, a type at a time, hence unlogged: a crash of Postgres empties both tables, and they are filled again.
-- identifier_fill: one copy of one type's identifiers, for the load of a bucket; call, done_files: what it was made after.
-- identifier.key: a hash of the value, which may be longer than an index takes.
do $$
begin
  if to_regclass('fhir_bucket_loader.identifier_fill') is null then
    create unlogged table fhir_bucket_loader.identifier_fill (
      fill bigint generated always as identity,
      queue oid not null,
      bucket text not null,
      type text not null,
      call bigint not null,
      done_files bigint not null,
      primary key (queue, bucket, type)
    );
    create unlogged table fhir_bucket_loader.identifier (
      fill bigint not null,
      key bigint not null,
      id text not null,
      system text,
      value text not null
    );
    create index identifier_key on fhir_bucket_loader.identifier (fill, key);
  end if;
  -- What `done` will say of the file besides `loaded`.
  if not exists (select from pg_attribute
                  where attrelid = 'fhir_bucket_loader.commit_decision'::regclass and attname = 'counts') then
    alter table fhir_bucket_loader.commit_decision add column counts jsonb not null default '{}';
  end if;
end $$;
