-- What upsert? remembers of rows that it has compared and found the same as a file's: a row whose fingerprint is here and still
-- valid need not be sent to Postgres again to be compared. Only a cache: it may be truncated at any time, hence unlogged, which
-- also means that it is empty after a crash, after which Postgres may give the numbers of lost transactions once more.
-- hash: of the resource as it is sent, with its id, its own ts and what the table is. place, version: ctid and xmin of the row
-- version that it was compared with; any other version has others. file: the table's pg_relation_filenode, which changes when its
-- rows are moved.
-- Only where they are missing: another schema's loader may own them, and an index asks for the owner even where it exists.
do $$
begin
  if to_regclass('fhir_bucket_loader.fingerprint') is null then
    create unlogged table fhir_bucket_loader.fingerprint (
      hash uuid not null,
      place tid not null,
      version xid not null,
      file oid not null
    );
    create index fingerprint_hash on fhir_bucket_loader.fingerprint (hash);
  end if;
end $$;
