-- How many files the latest listing has left as they were loaded though their objects had changed since (no reload-changed?).
-- The column may be there, as in 005.
do $$
begin
  if not exists (select from pg_attribute
                  where attrelid = 'fhir_bucket_loader.bucket_load'::regclass and attname = 'passed_over') then
    alter table fhir_bucket_loader.bucket_load add column if not exists passed_over bigint not null default 0;
  end if;
end $$;
