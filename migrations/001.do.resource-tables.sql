-- What an Aidbox database already has (contract: "How a resource is stored") is used as found; on any other
-- database it is created in the same shape. Everything here can run on both, and twice.

do $$
begin
  create type resource_status as enum ('created', 'updated', 'deleted', 'recreated');
exception when duplicate_object then null;
end $$;

create sequence if not exists transaction_id_seq;

-- LoaderFile and DisabledIndex are ordinary resources. The expression index serves the queue; a database that
-- already has the table (Aidbox's) keeps it as it is, and the queue then finds its rows by primary key.
do $$
begin
  if to_regclass('loaderfile') is null then
    create table loaderfile (
      id text primary key,
      txid bigint not null,
      ts timestamptz default current_timestamp,
      cts timestamptz default current_timestamp,
      resource_type text default 'LoaderFile',
      status resource_status not null,
      resource jsonb not null
    );
    create index loaderfile_bucket_status on loaderfile ((resource ->> 'bucket'), (resource ->> 'status'));
  end if;
end $$;

create table if not exists loaderfile_history (
  id text,
  txid bigint not null,
  ts timestamptz default current_timestamp,
  cts timestamptz default current_timestamp,
  resource_type text default 'LoaderFile',
  status resource_status not null,
  resource jsonb not null,
  primary key (id, txid)
);

create table if not exists disabledindex (
  id text primary key,
  txid bigint not null,
  ts timestamptz default current_timestamp,
  cts timestamptz default current_timestamp,
  resource_type text default 'DisabledIndex',
  status resource_status not null,
  resource jsonb not null
);

create table if not exists disabledindex_history (
  id text,
  txid bigint not null,
  ts timestamptz default current_timestamp,
  cts timestamptz default current_timestamp,
  resource_type text default 'DisabledIndex',
  status resource_status not null,
  resource jsonb not null,
  primary key (id, txid)
);
