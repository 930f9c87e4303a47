-- What people should know of a bucket's load beyond its counts: what it waits for, and why it was given up.
alter table fhir_bucket_loader.bucket_load add column if not exists waits_for text;
alter table fhir_bucket_loader.bucket_load add column if not exists given_up text;
