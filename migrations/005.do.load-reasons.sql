-- What people should know of a bucket's load beyond its counts: what it waits for, and why it was given up.
-- The columns may be there: another schema's loader shares the table, perhaps as another role, which may not alter it.
do $$
begin
  if not exists (select from pg_attribute
                  where attrelid = 'fhir_bucket_loader.bucket_load'::regclass and attname = 'given_up') then
    alter table fhir_bucket_loader.bucket_load add column if not exists waits_for text;
    alter table fhir_bucket_loader.bucket_load add column if not exists given_up text;
  end if;
end $$;
