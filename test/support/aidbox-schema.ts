/** A database as Aidbox leaves it: its enum, its sequence in use, its tables with rows, its own types and indexes. */
export const AIDBOX_SCHEMA = `
  create type resource_status as enum ('created', 'updated', 'deleted', 'recreated');
  create sequence transaction_id_seq start 5000 increment by 1 cache 1;
  create function aidbox_table(name text, type text) returns void language plpgsql as $$
    begin
      execute format('create table %I (id text primary key, txid bigint not null, ts timestamptz default current_timestamp,
        resource_type text default %L, status resource_status not null, resource jsonb not null,
        cts timestamptz default current_timestamp)', name, type);
      execute format('create table %I (id text, txid bigint not null, ts timestamptz default current_timestamp,
        resource_type text default %L, status resource_status not null, resource jsonb not null,
        cts timestamptz default current_timestamp, primary key (id, txid))', name || '_history', type);
    end $$;
  select aidbox_table(name, type) from (values ('patient', 'Patient'), ('loaderfile', 'LoaderFile'),
    ('disabledindex', 'DisabledIndex'), ('pizzaorder', 'PizzaOrder')) as tables (name, type);
  create index patient_name on patient using gin (resource jsonb_path_ops);
  comment on table patient is 'People';
  insert into patient (id, txid, status, resource) values ('p', nextval('transaction_id_seq'), 'created', '{"active": true}');
  insert into patient_history (id, txid, status, resource) values ('p', 4999, 'deleted', '{}');
  insert into loaderfile (id, txid, status, resource) values
    ('l', nextval('transaction_id_seq'), 'created', '{"bucket": "s3://old", "file": "Patient.ndjson.gz", "status": "done"}');
  insert into pizzaorder (id, txid, status, resource) values ('z', nextval('transaction_id_seq'), 'created', '{}');
`;
