-- LoaderError: the bad lines that a load with max-errors has left out. The loader's own resource, in the shape of
-- all others so that it is read and deleted in the same way.
create table if not exists loadererror (
  id text primary key,
  txid bigint not null,
  ts timestamptz default current_timestamp,
  cts timestamptz default current_timestamp,
  resource_type text default 'LoaderError',
  status resource_status not null,
  resource jsonb not null
);

create index if not exists loadererror_loaderfile on loadererror ((resource ->> 'loader-file'));

create table if not exists loadererror_history (
  id text,
  txid bigint not null,
  ts timestamptz default current_timestamp,
  cts timestamptz default current_timestamp,
  resource_type text default 'LoaderError',
  status resource_status not null,
  resource jsonb not null,
  primary key (id, txid)
);
